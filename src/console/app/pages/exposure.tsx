import { Text } from '@mantine/core';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { Link } from '../components/link.tsx';
import { Mono } from '../components/mono.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { useAsk } from '../useAsk.ts';
import { inert, type Money } from '../views.ts';
import { StopEverything, StopProgress } from './stop.tsx';

type Figure = { most: Money; if_funded: Money | null; because: string };
type Figures = { today: Figure; month: Figure };
type AgentReach = {
  agent: string;
  name: string;
  status: string;
  figures: Figures;
  on_its_way: Money;
  held: Money;
  frozen_on_chain: boolean;
  warnings: { code: string; message: string }[];
};
type StolenKey = { key: string; holder: string; name: string | null; agents: number; figures: Figures };
type Exposure = {
  today_until: string;
  month_until: string;
  total: { today: Money; month: Money; on_its_way: Money; held: Money };
  agents: AgentReach[];
  stolen_keys: StolenKey[];
};

const limit = (money: Money | null): string => (money === null ? 'no limit' : usdc(money));

/** The most money that could move without people, and with each stolen key: policy, mandates and chain together. */
export function ExposurePage() {
  const answer = useAsk<Exposure>('/v1/exposure', 'roster');
  const { agents } = useNames();
  return (
    <Page title="Exposure">
      <StopProgress agents={agents} />
      <StopEverything onStopped={answer.reload} />
      <AsyncContent answer={answer}>
        {(data) => (
          <>
            <Text>
              Without approval by people, agents can pay at most {usdc(data.total.today)} until{' '}
              <Timestamp at={data.today_until} /> and
              {usdc(data.total.month)} until <Timestamp at={data.month_until} />. All wallets together hold{' '}
              {usdc(data.total.held)}.
            </Text>
            <Card title="By agent">
              <DataTable
                label="By agent"
                rows={data.agents}
                keyOf={({ agent }) => agent}
                empty="There are no agents yet."
                columns={[
                  { title: 'Agent', cell: ({ agent, name }) => <Link href={`/agents/${agent}`}>{inert(name)}</Link> },
                  {
                    title: 'Status',
                    cell: ({ status, frozen_on_chain: isFrozen }) => (
                      <StatusBadge state={isFrozen ? 'frozen on chain' : status} />
                    ),
                  },
                  { title: 'Today', cell: ({ figures }) => usdc(figures.today.most), right: true },
                  { title: 'This month', cell: ({ figures }) => usdc(figures.month.most), right: true },
                  { title: 'In settlement', cell: (row) => usdc(row.on_its_way), right: true },
                  { title: 'Balance', cell: ({ held }) => usdc(held), right: true },
                  {
                    title: 'Policy against wallet ceilings',
                    cell: ({ warnings }) => warnings.map(({ message }) => message).join(' ') || 'consistent',
                  },
                ]}
              />
            </Card>
            <Card title="If a key is stolen">
              <DataTable
                label="If a key is stolen"
                rows={data.stolen_keys}
                keyOf={({ key, holder }) => `${key} ${holder}`}
                empty="There are no keys."
                columns={[
                  { title: 'Key', cell: ({ key }) => key.replaceAll('_', ' ') },
                  {
                    title: 'Holder',
                    cell: ({ holder, name }) => (name === null ? <Mono>{holder}</Mono> : inert(name)),
                  },
                  { title: 'Today', cell: ({ figures }) => usdc(figures.today.most), right: true },
                  { title: 'This month', cell: ({ figures }) => usdc(figures.month.most), right: true },
                  { title: 'With unlimited funds', cell: ({ figures }) => limit(figures.month.if_funded), right: true },
                  { title: 'Explanation', cell: ({ figures }) => inert(figures.month.because) },
                ]}
              />
            </Card>
          </>
        )}
      </AsyncContent>
    </Page>
  );
}
