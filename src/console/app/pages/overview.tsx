import { Paper, SegmentedControl, SimpleGrid, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Bar, BarChart, CartesianGrid, Legend, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { query } from '../api.ts';
import { useAsk } from '../live.tsx';
import { Box, Empty, Loaded, Page, Rows, To, usdc } from '../parts.tsx';
import { duration, type Money, percent, type Rates } from '../views.ts';

type Point = { start: string; group: string; amount: Money };
type Overview = {
  spend: Money;
  revenue: Money;
  balance: Money;
  in_review: number;
  open_alerts: number;
  counts: Rates;
  bucket: 'hour' | 'day';
  series: Point[];
};
type Exposure = { total: { today: Money; month: Money } };

export function Overview() {
  const [days, setDays] = useState('30');
  const [by, setBy] = useState('agent');
  const answer = useAsk<Overview>(query('/v1/reports/overview', { days, by }));
  const exposure = useAsk<Exposure>('/v1/exposure', 'roster');
  const { reload } = answer;
  // On a large house an answer may be some seconds old: see `keeping` in the reports.
  useEffect(() => {
    const timer = setInterval(reload, 15_000);
    return () => clearInterval(timer);
  }, [reload]);
  const spans = [
    { value: '1', label: '24 hours' },
    { value: '7', label: '7 days' },
    { value: '30', label: '30 days' },
  ];
  return (
    <Page
      title="Overview"
      aside={<SegmentedControl size="xs" aria-label="Over" data={spans} value={days} onChange={setDays} />}
    >
      <Loaded answer={answer}>
        {(data) => (
          <>
            <SimpleGrid cols={{ base: 2, sm: 4 }}>
              <Figure name="Spend" value={usdc(data.spend)} />
              <Figure name="Revenue" value={usdc(data.revenue)} />
              <Figure name="Balance now" value={usdc(data.balance)} />
              <Figure name="Could move today" value={exposure.data ? usdc(exposure.data.total.today) : 'not known'} />
              <Figure name="Denied" value={String(data.counts.denied)} />
              <Figure
                name="Needed a person"
                value={`${data.counts.exceptions} of ${data.counts.payments} (${percent(data.counts.exception_rate)})`}
              />
              <Figure name="Median time to an answer" value={duration(data.counts.median_review_seconds)} />
              <Figure name="Completed" value={percent(data.counts.completion_rate)} />
            </SimpleGrid>
            <Text>
              <To href="/reviews">{data.in_review} in review</To>, {data.open_alerts} open alerts.
            </Text>
            <Box title="Spend over time">
              <SegmentedControl
                size="xs"
                mb="sm"
                aria-label="Grouped by"
                data={['agent', 'category', 'payee']}
                value={by}
                onChange={setBy}
              />
              <Spend points={data.series} bucket={data.bucket} />
            </Box>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <Paper withBorder p="sm">
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
        {value}
      </Text>
    </Paper>
  );
}

const COLOURS = ['#1c7ed6', '#e8590c', '#2f9e44', '#9c36b5', '#f08c00', '#0c8599', '#e03131', '#5c940d', '#868e96'];

/** The bars are a picture; the same figures stand below it as a table. */
function Spend({ points, bucket }: { points: Point[]; bucket: 'hour' | 'day' }) {
  if (points.length === 0) return <Empty>Nothing was spent in this time.</Empty>;
  const groups = [...new Set(points.map(({ group }) => group))];
  const label = (start: string): string => (bucket === 'day' ? start.slice(5, 10) : start.slice(11, 16));
  const bars = new Map<string, Record<string, string | number>>();
  for (const { start, group, amount } of points) {
    const bar = bars.get(start) ?? { start: label(start) };
    // Only the height of a bar: sums are made by the server, in integers.
    bar[`g${groups.indexOf(group)}`] = Number(amount.value);
    bars.set(start, bar);
  }
  return (
    <>
      <div className="chart" aria-hidden="true">
        <ResponsiveContainer>
          <BarChart data={[...bars.values()]} accessibilityLayer={false}>
            <CartesianGrid strokeDasharray="3 3" stroke="var(--mantine-color-default-border)" />
            <XAxis dataKey="start" stroke="var(--mantine-color-dimmed)" fontSize={12} />
            <YAxis stroke="var(--mantine-color-dimmed)" fontSize={12} width={45} />
            <Tooltip
              contentStyle={{
                background: 'var(--mantine-color-body)',
                borderColor: 'var(--mantine-color-default-border)',
              }}
            />
            <Legend formatter={(name) => <span style={{ color: 'var(--mantine-color-text)' }}>{name}</span>} />
            {groups.map((group, index) => (
              <Bar
                key={group}
                dataKey={`g${index}`}
                name={group}
                stackId="spend"
                fill={COLOURS[index % COLOURS.length] ?? '#868e96'}
                maxBarSize={48}
                isAnimationActive={false}
              />
            ))}
          </BarChart>
        </ResponsiveContainer>
      </div>
      <details>
        <summary>As a table</summary>
        <Rows
          label="Spend over time"
          rows={points}
          keyOf={({ start, group }) => `${start} ${group}`}
          empty=""
          columns={[
            { title: bucket === 'day' ? 'Day' : 'Hour', cell: ({ start }) => label(start) },
            { title: 'Of', cell: ({ group }) => group },
            { title: 'Spend', cell: ({ amount }) => usdc(amount), right: true },
          ]}
        />
      </details>
    </>
  );
}
