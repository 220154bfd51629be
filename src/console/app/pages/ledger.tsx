import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../api.ts';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Box, Loaded, Page, Rows, State, To, usdc, When } from '../parts.tsx';
import type { Money } from '../views.ts';

type Balance = { account: string; amount: Money };
type Entry = {
  id: number;
  kind: string;
  payment: string | null;
  block_number: string | null;
  at: string;
  lines: Balance[];
};
type Check = { ok: boolean; checks: { name: string; ok: boolean; detail: string }[] };

export function Ledger() {
  const { nameOf } = useNames();
  const balances = useAsk<{ balances: Balance[] }>('/v1/ledger/balances');
  const entries = useAsk<{ entries: Entry[] }>('/v1/ledger/entries?limit=50');
  const account = (text: string): string => {
    const [id = '', kind] = text.split(':');
    return id.startsWith('agt_') ? `${nameOf(id)}: ${kind?.replaceAll('_', ' ')}` : text;
  };
  return (
    <Page title="Ledger">
      <Proof />
      <Box title="Balances">
        <Loaded answer={balances}>
          {(data) => (
            <Rows
              label="Balances"
              rows={data.balances.filter(({ amount }) => amount.value !== '0.00')}
              keyOf={(row) => row.account}
              empty="Nothing is in the books yet."
              columns={[
                { title: 'Account', cell: (row) => account(row.account) },
                { title: 'Balance', cell: (row) => usdc(row.amount), right: true },
              ]}
            />
          )}
        </Loaded>
      </Box>
      <Box title="Newest entries">
        <Loaded answer={entries}>
          {(data) => (
            <Rows
              label="Entries"
              rows={data.entries}
              keyOf={({ id }) => String(id)}
              empty="There are no entries yet."
              columns={[
                { title: 'Entry', cell: ({ id, kind }) => `${id} ${kind.replaceAll('_', ' ')}` },
                { title: 'When', cell: ({ at }) => <When at={at} /> },
                {
                  title: 'Payment',
                  cell: ({ payment }) => (payment ? <To href={`/payments/${payment}`}>{payment}</To> : 'none'),
                },
                {
                  title: 'Lines',
                  cell: ({ id, lines }) =>
                    lines.map((line) => (
                      <div key={`${id} ${line.account} ${line.amount.value}`}>
                        {line.amount.value} {account(line.account)}
                      </div>
                    )),
                },
              ]}
            />
          )}
        </Loaded>
      </Box>
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
    <Box title="Do the books agree with the chain?">
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
          <Text fw={600}>{check.ok ? 'The books agree with the chain.' : 'The books do NOT agree.'}</Text>
          <Rows
            label="Checks"
            rows={check.checks}
            keyOf={({ name }) => name}
            empty=""
            columns={[
              { title: 'Check', cell: ({ name }) => name },
              { title: 'Result', cell: ({ ok }) => <State state={ok ? 'ok' : 'FAIL'} /> },
              { title: 'Detail', cell: ({ detail }) => detail },
            ]}
          />
        </div>
      )}
    </Box>
  );
}
