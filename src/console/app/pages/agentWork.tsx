import { AsyncContent } from '../components/asyncContent.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { Link } from '../components/link.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { useAsk } from '../useAsk.ts';
import { inert, type Money, type Payment } from '../views.ts';
import { PaymentRows } from './payments.tsx';

type Schedule = {
  id: string;
  name: string;
  status: string;
  payee: string;
  amount: Money;
  workflow: string | null;
  rrule: string;
  zone: string;
  next_at: string | null;
};
const LATEST = 50;
const SHOWN = 10;

/** An agent's work: the workflows of its latest payments, those payments, and its schedules. */
export function AgentWork({ id }: { id: string }) {
  const { nameOf } = useNames();
  const payments = useAsk<{ payments: Payment[] }>(`/v1/payments?agent=${id}&limit=${LATEST}`);
  const schedules = useAsk<{ schedules: Schedule[] }>(`/v1/schedules?agent=${id}`);
  return (
    <>
      <AsyncContent answer={payments}>
        {(data) => (
          <>
            <DataTable
              label="Workflows"
              rows={workflowsOf(data.payments)}
              keyOf={({ workflow }) => workflow}
              empty="This agent has not paid for a workflow yet."
              columns={[
                { title: 'Workflow', cell: ({ workflow }) => nameOf(workflow) },
                { title: `Of its latest ${LATEST} payments`, cell: ({ count }) => String(count) },
                { title: 'Last', cell: ({ last }) => <Timestamp at={last} /> },
              ]}
            />
            <PaymentRows payments={data.payments.slice(0, SHOWN)} empty="It has paid nothing yet." />
            <p>
              <Link href={`/payments?agent=${id}`}>All its payments</Link>
            </p>
          </>
        )}
      </AsyncContent>
      <AsyncContent answer={schedules}>
        {(data) => (
          <DataTable
            label="Schedules"
            rows={data.schedules}
            keyOf={(schedule) => schedule.id}
            empty="This agent has no scheduled payments."
            columns={[
              { title: 'Schedule', cell: ({ name }) => inert(name) },
              { title: 'Status', cell: ({ status }) => <StatusBadge state={status} /> },
              { title: 'Amount', cell: ({ amount }) => usdc(amount) },
              { title: 'To', cell: ({ payee }) => nameOf(payee) },
              { title: 'Cadence', cell: ({ rrule, zone }) => `${rrule} (${zone})` },
              { title: 'Next', cell: ({ next_at: at }) => <Timestamp at={at} /> },
            ]}
          />
        )}
      </AsyncContent>
    </>
  );
}

function workflowsOf(payments: Payment[]): { workflow: string; count: number; last: string }[] {
  const found = new Map<string, { workflow: string; count: number; last: string }>();
  for (const { workflow, created_at: at } of payments) {
    if (workflow === null) continue;
    const known = found.get(workflow) ?? { workflow, count: 0, last: at };
    found.set(workflow, { ...known, count: known.count + 1 });
  }
  return [...found.values()];
}
