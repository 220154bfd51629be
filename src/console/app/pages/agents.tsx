import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../api.ts';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Box, Empty, Facts, Loaded, Mono, Page, State, usdc } from '../parts.tsx';
import { can, useMe } from '../session.tsx';
import { type Agent, duration, inert, type Money } from '../views.ts';
import { StopAgent, StopProgress } from './stop.tsx';

export function Agents() {
  const answer = useAsk<{ agents: Agent[] }>('/v1/agents');
  const exposure = useAsk<{ agents: Reach[] }>('/v1/exposure', 'roster');
  const reach = (id: string) => exposure.data?.agents.find(({ agent }) => agent === id) ?? null;
  return (
    <Page title="Agents">
      <Loaded answer={answer}>
        {({ agents }) =>
          agents.length === 0 ? (
            <Empty>There are no agents yet.</Empty>
          ) : (
            <>
              <StopProgress agents={agents} />
              {agents.map((agent) => (
                <OneAgent key={agent.id} agent={agent} reach={reach(agent.id)} reload={answer.reload} />
              ))}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

type Reach = {
  agent: string;
  figures: { today: { most: Money; because: string }; month: { most: Money } };
  warnings: { code: string; message: string }[];
};

function OneAgent({ agent, reach, reload }: { agent: Agent; reach: Reach | null; reload: () => void }) {
  const me = useMe();
  const { nameOf } = useNames();
  const [failure, setFailure] = useState<string | null>(null);
  const { wallet, balances } = agent;
  const set = async (status: 'active' | 'frozen'): Promise<void> => {
    setFailure(null);
    try {
      await ask(`/v1/agents/${agent.id}/status`, { status, reason: 'by the console' });
      reload();
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Box title={inert(agent.name)}>
      <Facts
        facts={[
          ['Status', <State key="status" state={agent.status} />],
          ['Sponsor', nameOf(agent.sponsor)],
          ['May spend', usdc(balances.available)],
          ['Held for payments', usdc(balances.reserved)],
          ['In the purse', usdc(balances.purse)],
          ['Unexplained', usdc(balances.suspense)],
          ...(reach
            ? ([
                ['Could move today', `${usdc(reach.figures.today.most)}: ${reach.figures.today.because}`],
                ['Could move this month', usdc(reach.figures.month.most)],
                ['Warnings', reach.warnings.map(({ message }) => message).join(' ') || 'none'],
              ] as [string, React.ReactNode][])
            : []),
          ...(wallet
            ? ([
                ['Wallet', <Mono key="wallet">{wallet.address}</Mono>],
                ['Purse', <Mono key="purse">{wallet.purse}</Mono>],
                [
                  'Ceilings on chain',
                  `${usdc(wallet.ceilings.per_payment)} a payment, ${usdc(wallet.ceilings.per_period)} per ${duration(wallet.ceilings.period_seconds)}`,
                ],
              ] as [string, React.ReactNode][])
            : []),
        ]}
      />
      {failure && (
        <Text c="red" role="alert">
          {failure}
        </Text>
      )}
      {can(me, 'admin') && agent.status !== 'revoked' && (
        <Group mt="sm">
          <Button
            size="xs"
            variant="default"
            onClick={() => set(agent.status === 'frozen' ? 'active' : 'frozen')}
            aria-label={`${agent.status === 'frozen' ? 'Unfreeze' : 'Freeze'} ${agent.name}`}
          >
            {agent.status === 'frozen' ? 'Unfreeze' : 'Freeze'}
          </Button>
          <StopAgent agent={agent} reload={reload} />
        </Group>
      )}
    </Box>
  );
}
