import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { query } from '../api.ts';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Facts, Loaded, Rows, usdc, When } from '../parts.tsx';
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

/** What the policy's meters and the wallet's ceilings leave, for payments to anyone who is chosen. */
export function AgentBudget({ id }: { id: string }) {
  const { payees } = useNames();
  const [payee, setPayee] = useState('');
  const answer = useAsk<Budget>(query(`/v1/agents/${id}/budget`, { payee }));
  return (
    <>
      <NativeSelect
        label="For payments to"
        description="Some limits are a payee's own."
        data={[{ value: '', label: 'anybody' }, ...payees.map((each) => ({ value: each.id, label: inert(each.name) }))]}
        value={payee}
        onChange={(event) => setPayee(event.currentTarget.value)}
        mb="sm"
        maw={320}
      />
      <Loaded answer={answer}>
        {({ largest_amount_now: largest, ceilings, meters }) => (
          <>
            <Facts
              facts={[
                ['Largest payment now', largest === null ? 'choose a payee' : usdc(largest)],
                [
                  'Left of the ceiling',
                  ceilings.left_in_period === null ? 'not known: the chain is away' : usdc(ceilings.left_in_period),
                ],
              ]}
            />
            <Rows
              label="Meters"
              rows={meters}
              keyOf={({ meter }) => meter}
              empty="The policy counts nothing."
              columns={[
                { title: 'Meter', fit: true, cell: ({ meter }) => meter },
                { title: 'Counts by', cell: ({ by }) => by.join(', ') || 'everything' },
                { title: 'Window', cell: ({ window }) => window },
                { title: 'Spent', cell: ({ spent, payments }) => `${usdc(spent)} in ${payments}` },
                { title: 'Left', cell: (meter) => <Left meter={meter} /> },
                { title: 'Starts again', cell: ({ resets_at: at }) => (at ? <When at={at} /> : 'bit by bit') },
              ]}
            />
          </>
        )}
      </Loaded>
    </>
  );
}

function Left({ meter }: { meter: Meter }) {
  const { left, payments_left: count, needs, controls } = meter;
  if (left === null && count === null) {
    if (needs.length > 0) return `depends on ${needs.join(', ')}`;
    return controls.length === 0 ? 'nothing limits it' : 'no limit';
  }
  return [left && usdc(left), count !== null && `${count} payments`].filter(Boolean).join(', ');
}
