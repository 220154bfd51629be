import { Text, Title } from '@mantine/core';
import { formatUsdc } from '../../../core/money/microUsdc.ts';
import { blockExplorerPage } from '../blockExplorer.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { Copyable } from '../components/copyable.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Link } from '../components/link.tsx';
import { Mono } from '../components/mono.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { short } from '../format.ts';
import { useAsk } from '../useAsk.ts';
import { inert } from '../views.ts';

/** A link to the console's page that decodes a transaction, and one to the chain's public block explorer. */
export function TransactionLink({ hash, chainId, whole = false }: { hash: string; chainId: number; whole?: boolean }) {
  const out = blockExplorerPage(chainId, hash);
  return (
    <>
      <Link href={`/explorer/tx/${hash}`}>
        <Mono>{whole ? hash : short(hash)}</Mono>
      </Link>
      {out && (
        <>
          {' '}
          <a href={out} rel="noopener noreferrer" target="_blank" className="out">
            block explorer
          </a>
        </>
      )}
    </>
  );
}

type Party = { address: string; name: string | null };
type Decoded = { name: string; args: { name: string; value: string }[] };
type Transaction = {
  status: string;
  from: Party;
  to: Party | null;
  block_number: string | null;
  at: string | null;
  gas_used: string | null;
  nonce: number;
  call: Decoded | null;
  input: string;
  logs: { contract: Party; event: Decoded | null; payment: string | null; topics: string[]; data: string }[];
  payments: string[];
};

const Who = ({ party }: { party: Party }) => (
  <>
    {party.name && `${inert(party.name)} `}
    <Mono>{party.address}</Mono>
  </>
);

export function Explorer({ hash }: { hash: string }) {
  const answer = useAsk<Transaction>(`/v1/transactions/${hash}`);
  return (
    <Page title="Transaction">
      <Text>
        <Copyable value={hash} what="the transaction's hash" />
      </Text>
      <AsyncContent answer={answer}>
        {(data) => (
          <>
            <Card title="Transaction">
              <DescriptionList
                facts={[
                  ['Status', <StatusBadge key="status" state={data.status} />],
                  ['From', <Who key="from" party={data.from} />],
                  ['To', data.to ? <Who key="to" party={data.to} /> : 'contract creation'],
                  ['Block', data.block_number ?? 'pending'],
                  ['Time', <Timestamp key="when" at={data.at} />],
                  ['Gas', data.gas_used ? Number(data.gas_used).toLocaleString() : 'unknown'],
                  ['Nonce', String(data.nonce)],
                ]}
              />
            </Card>
            <Card title={data.call ? `Call: ${data.call.name}` : 'Call'}>
              {data.call ? <Arguments decoded={data.call} /> : <Mono>{data.input}</Mono>}
            </Card>
            <Card title="Events">
              {data.logs.map((log, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: logs have an order and never another
                <div key={index} style={{ marginBottom: '1rem' }}>
                  <Title order={3} size="h5">
                    {index + 1}. {log.event?.name ?? 'Unknown event'}
                  </Title>
                  <Text size="sm" mb="xs">
                    <Who party={log.contract} />
                    {log.payment && (
                      <>
                        {', payment '}
                        <Link href={`/payments/${log.payment}`}>{log.payment}</Link>
                      </>
                    )}
                  </Text>
                  {log.event ? <Arguments decoded={log.event} /> : <Mono>{[...log.topics, log.data].join(' ')}</Mono>}
                </div>
              ))}
            </Card>
            <Card title="Payments settled by this transaction">
              <DataTable
                label="Payments"
                rows={data.payments}
                keyOf={(id) => id}
                empty="None."
                columns={[{ title: 'Payment', cell: (id) => <Link href={`/payments/${id}`}>{id}</Link> }]}
              />
            </Card>
          </>
        )}
      </AsyncContent>
    </Page>
  );
}

const Arguments = ({ decoded }: { decoded: Decoded }) => (
  <DescriptionList
    facts={decoded.args.map(({ name, value }) => [name, <Mono key={name}>{shown(name, value)}</Mono>])}
  />
);

/** Amounts also in USDC. Other contracts may use the same argument names for text, which is shown unchanged. */
const shown = (name: string, value: string): string =>
  /^(amount|value)$/.test(name) && /^\d{1,20}$/.test(value)
    ? `${value} (${formatUsdc(BigInt(value))} USDC)`
    : inert(value);
