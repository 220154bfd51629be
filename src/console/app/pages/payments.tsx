import { Button, Paper, Text } from '@mantine/core';
import { query } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { Link } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { short, usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { setQuery, useQueryParameters } from '../navigation.ts';
import { useAsk } from '../useAsk.ts';
import { inert, type Payment } from '../views.ts';
import { Filters, filtersOf, type PaymentFilters } from './paymentFilters.tsx';

type List = { payments: Payment[]; next_cursor: string | null };
const PAGE = '50';

/** Filters and cursor are in the address: a link shows the same list to others, and Back works. */
export function Payments() {
  const given = useQueryParameters();
  const filters = filtersOf(given);
  const cursor = given.get('cursor') ?? '';
  const { from, to, q, ...rest } = filters;
  const times = { from: startOf(from), to: startOf(to, 1) };
  const answer = useAsk<List>(
    query('/v1/payments', { ...rest, ...times, q: q.length > 1 ? q : '', limit: PAGE, cursor }),
  );
  return (
    <Page title="Payments">
      <Paper withBorder p="md" className="card">
        <Filters filters={filters} />
      </Paper>
      <AsyncContent answer={answer}>
        {({ payments, next_cursor: next }) => (
          <>
            <div className="sheet">
              <PaymentRows payments={payments} empty={emptyText(filters, next !== null)} />
            </div>
            <div className="pager">
              {cursor && (
                <Button variant="default" onClick={() => setQuery(filters)}>
                  Newest
                </Button>
              )}
              {next && (
                <Button variant="default" onClick={() => setQuery({ ...filters, cursor: next })}>
                  Older
                </Button>
              )}
              {next && payments.length < Number(PAGE) && (
                <Text size="sm" c="dimmed">
                  Not all payments were searched for this page. Older payments may match too.
                </Text>
              )}
            </div>
          </>
        )}
      </AsyncContent>
    </Page>
  );
}

function emptyText(filters: PaymentFilters, hasMore: boolean): string {
  if (hasMore) return 'No payment on this page matches the filters.';
  const isFiltered = Object.values(filters).some((value) => value !== '');
  return isFiltered ? 'No payments match these filters.' : 'There are no payments yet.';
}

/** The first moment of a date in the browser's time zone, plus a number of days. Empty for an invalid date. */
function startOf(date: string, daysLater = 0): string {
  const start = new Date(`${date}T00:00:00`);
  if (Number.isNaN(start.getTime())) return '';
  start.setDate(start.getDate() + daysLater);
  return start.toISOString();
}

export function PaymentRows({ payments, empty }: { payments: Payment[]; empty: string }) {
  const { nameOf } = useNames();
  return (
    <DataTable
      label="Payments"
      rows={payments}
      keyOf={({ id }) => id}
      empty={empty}
      columns={[
        {
          title: 'When',
          fit: true,
          cell: ({ id, created_at: at }) => (
            <Link href={`/payments/${id}`}>
              <Timestamp at={at} />
            </Link>
          ),
        },
        { title: 'State', fit: true, cell: ({ state }) => <StatusBadge state={state} /> },
        { title: 'Amount', cell: ({ amount }) => usdc(amount), right: true },
        { title: 'Agent', fit: true, cell: ({ agent }) => nameOf(agent) },
        {
          title: 'To',
          cell: ({ payee, address }) => (payee ? nameOf(payee) : <span title={address}>{short(address)}</span>),
        },
        {
          title: 'Kind',
          fit: true,
          cell: ({ kind, rail }) => `${kind.replaceAll('_', ' ')}${rail === 'x402' ? ' (HTTP 402)' : ''}`,
        },
        { title: 'Why', cell: why },
      ]}
    />
  );
}

/** The reasons of the decision; for a payment that passed every control, its memo. */
function why({ reasons, memo }: Payment): string {
  const fired = reasons.filter(({ code }) => code !== 'all_passed').map(({ message }) => message);
  const text = fired.join(' ') || memo || 'within the policy';
  return inert(text).replaceAll(/0x[0-9a-fA-F]{40}/g, short);
}
