import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { query } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { useAsk } from '../useAsk.ts';
import { inert, type Money } from '../views.ts';

type Meter = {
  meter: string;
  by: string[];
  window: string;
  spent: Money;
  payments: number;
  left: Money | null;
  payments_left: number | null;
  resets_at: string | null;
  controls: string[];
  needs: string[];
};
type Budget = {
  largest_amount_now: Money | null;
  ceilings: { left_in_period: Money | null };
  meters: Meter[];
};

/** The budget that the policy's limits and the wallet's ceilings leave, for payments to the chosen payee. */
export function AgentBudget({ id }: { id: string }) {
  const { payees } = useNames();
  const [payee, setPayee] = useState('');
  const answer = useAsk<Budget>(query(`/v1/agents/${id}/budget`, { payee }));
  return (
    <>
      <NativeSelect
        label="Budget for payments to"
        description="Some limits apply to one payee only."
        data={[
          { value: '', label: 'any payee' },
          ...payees.map((each) => ({ value: each.id, label: inert(each.name) })),
        ]}
        value={payee}
        onChange={(event) => setPayee(event.currentTarget.value)}
        mb="sm"
        maw={320}
      />
      <AsyncContent answer={answer}>
        {({ largest_amount_now: largest, ceilings, meters }) => (
          <>
            <DescriptionList
              facts={[
                ['Largest payment now', largest === null ? 'choose a payee' : usdc(largest)],
                [
                  'Left of the wallet ceiling',
                  ceilings.left_in_period === null
                    ? 'unknown: the chain does not answer'
                    : usdc(ceilings.left_in_period),
                ],
              ]}
            />
            <DataTable
              label="Meters"
              rows={meters}
              keyOf={({ meter }) => meter}
              empty="The policy has no spending limits."
              columns={[
                { title: 'Meter', fit: true, cell: ({ meter }) => meter.replaceAll('_', ' ') },
                { title: 'Counted per', cell: ({ by }) => by.join(', ') || 'all payments together' },
                { title: 'Window', cell: ({ window }) => window },
                { title: 'Spent', cell: ({ spent, payments }) => `${usdc(spent)} in ${count(payments)}` },
                { title: 'Left', cell: (meter) => <Left meter={meter} /> },
                {
                  title: 'Resets',
                  cell: ({ resets_at: at }) => (at ? <Timestamp at={at} /> : 'continuously (rolling window)'),
                },
              ]}
            />
          </>
        )}
      </AsyncContent>
    </>
  );
}

const count = (payments: number): string => (payments === 1 ? '1 payment' : `${payments} payments`);

function Left({ meter }: { meter: Meter }) {
  const { left, payments_left: leftCount, needs, controls } = meter;
  if (left === null && leftCount === null) {
    if (needs.length > 0) return `depends on ${needs.join(', ')}`;
    return controls.length === 0 ? 'no limit uses this meter' : 'no limit';
  }
  return [left && usdc(left), leftCount !== null && count(leftCount)].filter(Boolean).join(', ');
}
