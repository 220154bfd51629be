import { Button, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { ask, query } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { Link } from '../components/link.tsx';
import { Mono } from '../components/mono.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { short, usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { setQuery, useQueryParameters } from '../navigation.ts';
import { useAsk } from '../useAsk.ts';
import { inert, type Money } from '../views.ts';

type Balance = { account: string; amount: Money };
type Entry = {
  id: number;
  kind: string;
  payment: string | null;
  block_number: string | null;
  at: string;
  lines: Balance[];
};
const PAGE = 50;
/** Agents' accounts first; of the many outside accounts, the largest. */
const OUTSIDE_SHOWN = 20;
const isOutside = ({ account }: Balance): boolean => account.startsWith('external:');
function shownBalances(balances: Balance[]): Balance[] {
  const filled = balances.filter(({ amount }) => amount.value !== '0.00');
  const outside = filled.filter(isOutside).sort((a, b) => Number(b.amount.value) - Number(a.amount.value));
  return [...filled.filter((each) => !isOutside(each)), ...outside.slice(0, OUTSIDE_SHOWN)];
}
type Check = { ok: boolean; checks: { name: string; ok: boolean; detail: string }[] };

export function Ledger() {
  const { payees, nameOf } = useNames();
  const balances = useAsk<{ balances: Balance[] }>('/v1/ledger/balances');
  const given = useQueryParameters();
  const before = given.get('before') ?? '';
  const entries = useAsk<{ entries: Entry[] }>(query('/v1/ledger/entries', { limit: String(PAGE), before }));
  const owners = new Map(payees.flatMap(({ name, addresses }) => addresses.map(({ address }) => [address, name])));
  const account = (text: string): ReactNode => {
    const [id = '', kind = ''] = text.split(':');
    if (id.startsWith('agt_')) return `${nameOf(id)}: ${kind.replaceAll('_', ' ')}`;
    if (id !== 'external') return text;
    const owner = owners.get(kind);
    return (
      <span title={kind}>
        {owner ? inert(owner) : 'external'} <Mono>{short(kind)}</Mono>
      </span>
    );
  };
  return (
    <Page title="Ledger">
      <Proof />
      <Card title="Balances">
        <AsyncContent answer={balances}>
          {(data) => (
            <DataTable
              label="Balances"
              rows={shownBalances(data.balances)}
              keyOf={(row) => row.account}
              empty="The ledger is empty."
              columns={[
                { title: 'Account', cell: (row) => account(row.account) },
                { title: 'Balance', cell: (row) => usdc(row.amount), right: true },
              ]}
            />
          )}
        </AsyncContent>
      </Card>
      <Card title={before ? 'Entries' : 'Latest entries'}>
        <AsyncContent answer={entries}>
          {(data) => (
            <>
              <DataTable
                label="Entries"
                rows={data.entries}
                keyOf={({ id }) => String(id)}
                empty="There are no entries yet."
                columns={[
                  { title: 'Entry', cell: ({ id, kind }) => `${id} ${kind.replaceAll('_', ' ')}` },
                  { title: 'When', fit: true, cell: ({ at }) => <Timestamp at={at} /> },
                  {
                    title: 'Payment',
                    fit: true,
                    cell: ({ payment }) =>
                      payment ? <Link href={`/payments/${payment}`}>…{payment.slice(-8)}</Link> : 'none',
                  },
                  {
                    title: 'Lines',
                    cell: ({ id, lines }) =>
                      lines.map((line) => (
                        <div key={`${id} ${line.account} ${line.amount.value}`} className="line">
                          <span className="sum">{line.amount.value}</span> <span>{account(line.account)}</span>
                        </div>
                      )),
                  },
                ]}
              />
              <div className="pager">
                {before && (
                  <Button variant="default" onClick={() => setQuery({})}>
                    Newest
                  </Button>
                )}
                {data.entries.length === PAGE && (
                  <Button variant="default" onClick={() => setQuery({ before: String(data.entries.at(-1)?.id ?? '') })}>
                    Older
                  </Button>
                )}
              </div>
            </>
          )}
        </AsyncContent>
      </Card>
    </Page>
  );
}

function Proof() {
  const [check, setCheck] = useState<Check | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const run = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      setCheck(await ask<Check>('/v1/ledger/check', {}));
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title="Do the books agree with the chain?">
      <Button loading={isBusy} onClick={run} mb="sm">
        Check the books
      </Button>
      {failure && (
        <Text role="alert" c="red">
          {failure}
        </Text>
      )}
      {check && (
        <div role="status">
          <Text fw={600}>
            {check.ok ? 'The books agree with the chain.' : 'The books do NOT agree with the chain.'}
          </Text>
          <DataTable
            label="Checks"
            rows={check.checks}
            keyOf={({ name }) => name}
            empty=""
            columns={[
              { title: 'Check', cell: ({ name }) => name },
              { title: 'Result', cell: ({ ok }) => <StatusBadge state={ok ? 'ok' : 'FAIL'} /> },
              { title: 'Detail', cell: ({ detail }) => detail },
            ]}
          />
        </div>
      )}
    </Card>
  );
}
