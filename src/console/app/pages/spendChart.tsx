import { useMemo } from 'react';
import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { formatUsdc, parseUsdc } from '../../../core/money/microUsdc.ts';
import { DataTable } from '../components/dataTable.tsx';
import { Empty } from '../components/empty.tsx';
import { usdc } from '../format.ts';
import { inert, type Money } from '../views.ts';

type Point = { start: string; group: string; amount: Money };
export type Series = { bucket: 'hour' | 'day'; buckets: string[]; zone: string; series: Point[] };

/** Distinct in both colour schemes, also for people with colour blindness (Okabe and Ito); the legend has the same order. */
const COLOURS = ['#0f8a6a', '#e08a00', '#3f7fd0', '#c2569a', '#8a6d3b', '#56b4e9', '#d55e00', '#7a63c7', '#7d8790'];
const colour = (index: number): string => COLOURS[index % COLOURS.length] ?? '#7d8790';

/** The bars are a picture; the same values are below it as a table. */
export function Spend({ series: { bucket, buckets, zone, series } }: { series: Series }) {
  const label = useMemo(() => labels(bucket, zone), [bucket, zone]);
  if (series.length === 0) return <Empty>There was no spending in this period.</Empty>;
  const totals = new Map<string, bigint>();
  for (const { group, amount } of series) totals.set(group, (totals.get(group) ?? 0n) + parseUsdc(amount.value));
  const groups = [...totals].sort(([, a], [, b]) => (a < b ? 1 : a > b ? -1 : 0)).map(([group]) => group);
  const bars = new Map<string, Record<string, string | number>>(
    buckets.map((start) => [start, { start: label(start) }]),
  );
  for (const { start, group, amount } of series) {
    const bar = bars.get(start);
    // Only for the height of a bar: sums are computed in integers.
    if (bar) bar[`g${groups.indexOf(group)}`] = Number(amount.value);
  }
  return (
    <>
      <div className="chart" aria-hidden="true">
        <ResponsiveContainer>
          <BarChart data={[...bars.values()]} accessibilityLayer={false} margin={{ left: 0, right: 8, top: 8 }}>
            <CartesianGrid vertical={false} stroke="var(--mantine-color-default-border)" />
            <XAxis
              interval="equidistantPreserveStart"
              dataKey="start"
              stroke="var(--mantine-color-dimmed)"
              fontSize={12}
              tickLine={false}
              minTickGap={24}
            />
            <YAxis stroke="var(--mantine-color-dimmed)" fontSize={12} width={48} tickLine={false} axisLine={false} />
            <Tooltip
              cursor={{ fill: 'var(--mantine-color-default-hover)' }}
              contentStyle={{
                background: 'var(--card)',
                borderColor: 'var(--mantine-color-default-border)',
                borderRadius: 8,
                fontSize: 13,
              }}
              formatter={(value) => `${value} USDC`}
            />
            {groups.map((group, index) => (
              <Bar
                key={group}
                dataKey={`g${index}`}
                name={inert(group)}
                stackId="spend"
                fill={colour(index)}
                maxBarSize={40}
                isAnimationActive={false}
              />
            ))}
          </BarChart>
        </ResponsiveContainer>
      </div>
      <ul className="legend">
        {groups.map((group, index) => (
          <li key={group}>
            <svg width="12" height="12" aria-hidden="true">
              <rect width="12" height="12" rx="3" fill={colour(index)} />
            </svg>
            {inert(group)}: {formatUsdc(totals.get(group) ?? 0n)} USDC
          </li>
        ))}
      </ul>
      <details>
        <summary>As a table</summary>
        <DataTable
          label="Spend over time"
          rows={series}
          keyOf={({ start, group }) => `${start} ${group}`}
          empty=""
          columns={[
            { title: bucket === 'day' ? 'Day' : 'Hour', cell: ({ start }) => label(start), fit: true },
            { title: 'Group', cell: ({ group }) => inert(group) },
            { title: 'Spend', cell: ({ amount }) => usdc(amount), right: true },
          ]}
        />
        <p>Time zone: {zone}.</p>
      </details>
    </>
  );
}

/** A day or an hour by the zone's clock. */
function labels(bucket: 'hour' | 'day', zone: string): (start: string) => string {
  const format = new Intl.DateTimeFormat(undefined, {
    timeZone: zone,
    ...(bucket === 'day'
      ? { month: 'short', day: 'numeric' }
      : { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
  });
  return (start) => format.format(new Date(start));
}
