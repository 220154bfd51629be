import { SegmentedControl, Text } from '@mantine/core';
import { useEffect } from 'react';
import { query } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { Link } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { setQuery, useQueryParameters } from '../navigation.ts';
import { useAsk } from '../useAsk.ts';
import { duration, type Money, percent, type Rates } from '../views.ts';
import { type Series, Spend } from './spendChart.tsx';

type Overview = Series & {
  from: string;
  spend: Money;
  revenue: Money;
  balance: Money;
  in_review: number;
  open_alerts: number;
  counts: Rates;
};
type Exposure = { total: { today: Money; month: Money } };

const spans = [
  { value: '1', label: '24 hours' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
];
const groupings = ['agent', 'category', 'payee'];

export function Overview() {
  const given = useQueryParameters();
  const days = spans.find(({ value }) => value === given.get('days'))?.value ?? '30';
  const by = groupings.find((each) => each === given.get('by')) ?? 'agent';
  const answer = useAsk<Overview>(query('/v1/reports/overview', { days, by }));
  const exposure = useAsk<Exposure>('/v1/exposure', 'roster');
  const { reload } = answer;
  // The server keeps an overview of many payments for some seconds: see `keeping` in the reports.
  useEffect(() => {
    const timer = setInterval(reload, 15_000);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <Page
      title="Overview"
      aside={
        <SegmentedControl
          size="xs"
          aria-label="Period"
          data={spans}
          value={days}
          onChange={(value) => setQuery({ days: value, by })}
        />
      }
    >
      <AsyncContent answer={answer}>
        {(data) => (
          <>
            <dl className="figures">
              <Figure name="Spend" money={data.spend} />
              <Figure name="Revenue" money={data.revenue} />
              <Figure name="Balance now" money={data.balance} />
              <Figure
                name="Maximum outflow today"
                {...(exposure.data
                  ? { money: exposure.data.total.today }
                  : { value: exposure.problem ? 'unknown' : '…' })}
              />
              <Figure name="Denied" value={String(data.counts.denied)} note={`of ${data.counts.payments}`} />
              <Figure
                name="Sent to review"
                value={percent(data.counts.exception_rate)}
                note={`${data.counts.exceptions} of ${data.counts.payments}`}
              />
              <Figure name="Median time in review" value={duration(data.counts.median_review_seconds)} />
              <Figure name="Completed" value={percent(data.counts.completion_rate)} />
            </dl>
            <Text>
              <Link href="/reviews">{data.in_review} in review</Link>, {data.open_alerts} open{' '}
              {data.open_alerts === 1 ? 'alert' : 'alerts'}.
            </Text>
            <Card title="Spend over time">
              <SegmentedControl
                size="xs"
                mb="sm"
                aria-label="Group by"
                data={groupings}
                value={by}
                onChange={(value) => setQuery({ days, by: value })}
              />
              <Spend series={data} />
            </Card>
          </>
        )}
      </AsyncContent>
    </Page>
  );
}

function Figure({ name, money, value, note }: { name: string; money?: Money; value?: string; note?: string }) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>
        {money ? money.value : value} {(money || note) && <small>{money ? 'USDC' : note}</small>}
      </dd>
    </div>
  );
}
