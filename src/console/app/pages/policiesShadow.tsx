import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { query } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Empty } from '../components/empty.tsx';
import { Link } from '../components/link.tsx';
import { Mono } from '../components/mono.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { useAsk } from '../useAsk.ts';
import { inert, type Money } from '../views.ts';

type Reason = { code: string; message: string };
type Said = { effect: string; reasons: Reason[]; review: { quorum: number; roles: string[] } | null };
type Difference = {
  seq: number;
  payment: string;
  agent: string;
  at: string;
  amount: Money;
  active: Said;
  shadow: Said;
  failure: string | null;
};
type Change = { active: string; shadow: string; count: number; amount: Money };
type Summary = { decided: number; same: number; other_reasons: number; changes: Change[] };
export type Differences = {
  shadow: { digest: string; started_at: string; ended: { reason: string; at: string } | null } | null;
  summary: Summary;
  differences: Difference[];
  next_cursor: number | null;
};

const endings: Record<string, string> = {
  off: 'ended by an operator',
  replaced: 'replaced by another candidate',
  activated: 'it was activated',
  meters_differ: 'the active policy no longer counts by its meters',
  too_slow: 'it took too long',
  unreadable: 'its bundle could not be read after a restart',
};

/** The differences of a candidate's decisions: in sums, and payment by payment. */
export function ShadowBox() {
  const [cursor, setCursor] = useState<number | null>(null);
  const path = query('/v1/policies/differences', { limit: '20', cursor: cursor === null ? null : String(cursor) });
  const answer = useAsk<Differences>(path);
  return (
    <Card title="Candidate in shadow">
      <AsyncContent answer={answer}>
        {({ shadow, summary, differences, next_cursor: next }) =>
          shadow === null ? (
            <Empty>No candidate has run in shadow yet.</Empty>
          ) : (
            <>
              <DescriptionList
                facts={[
                  ['Candidate', <Mono key="digest">{shadow.digest}</Mono>],
                  ['In shadow since', <Timestamp key="since" at={shadow.started_at} />],
                  [
                    'Now',
                    shadow.ended === null ? (
                      'evaluates every payment without effect'
                    ) : (
                      <Ended key="ended" {...shadow.ended} />
                    ),
                  ],
                ]}
              />
              <Sums summary={summary} />
              <DataTable
                label="Differences"
                rows={differences}
                keyOf={({ seq }) => String(seq)}
                empty="The candidate decided every payment like the active policy."
                columns={columns}
              />
              <Group mt="sm">
                {cursor !== null && (
                  <Button size="xs" variant="default" onClick={() => setCursor(null)}>
                    Newest
                  </Button>
                )}
                {next !== null && (
                  <Button size="xs" variant="default" onClick={() => setCursor(next)}>
                    Older
                  </Button>
                )}
              </Group>
            </>
          )
        }
      </AsyncContent>
    </Card>
  );
}

const Ended = ({ reason, at }: { reason: string; at: string }) => (
  <>
    Ended: {endings[reason] ?? inert(reason)}, <Timestamp at={at} />
  </>
);

/** The number and sum of the payments that would change. */
export function Sums({ summary }: { summary: Summary }) {
  const { decided, same, other_reasons: other, changes } = summary;
  return (
    <>
      <Text my="sm">
        {decided} decided, {same} identical; {other} with the same effect for other reasons.
      </Text>
      {changes.length > 0 && (
        <DataTable
          label="What would change"
          rows={changes}
          keyOf={({ active, shadow }) => `${active} ${shadow}`}
          empty=""
          columns={[
            { title: 'Active policy', cell: ({ active }) => <StatusBadge state={active} /> },
            { title: 'Candidate', cell: ({ shadow }) => <StatusBadge state={shadow} /> },
            { title: 'Payments', cell: ({ count }) => count, right: true },
            { title: 'Amount', cell: ({ amount }) => usdc(amount), right: true },
          ]}
        />
      )}
    </>
  );
}

const columns = [
  {
    title: 'Payment',
    cell: ({ payment }: Difference) => <Link href={`/payments/${payment}`}>{payment}</Link>,
  },
  { title: 'When', cell: ({ at }: Difference) => <Timestamp at={at} /> },
  { title: 'Agent', cell: ({ agent }: Difference) => <AgentName id={agent} /> },
  { title: 'Amount', cell: ({ amount }: Difference) => usdc(amount), right: true },
  { title: 'Active policy', cell: ({ active }: Difference) => <Answer said={active} /> },
  {
    title: 'Candidate',
    cell: ({ shadow, failure }: Difference) => (
      <>
        <Answer said={shadow} />
        {failure !== null && <div>{inert(failure)}</div>}
      </>
    ),
  },
];

const AgentName = ({ id }: { id: string }) => <>{useNames().nameOf(id)}</>;

function Answer({ said }: { said: Said }) {
  const { effect, reasons, review } = said;
  return (
    <>
      <StatusBadge state={effect} />
      {reasons.map(({ code, message }) => (
        <div key={code}>
          <Mono>{inert(code)}</Mono> {inert(message)}
        </div>
      ))}
      {review && (
        <div>
          {review.quorum} of {inert(review.roles.join(', '))}
        </div>
      )}
    </>
  );
}
