import { Button, Group, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { ask } from '../api.ts';
import { DescriptionList } from '../components/descriptionList.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { can, useMe } from '../session.tsx';
import { type Agent, inert, type Money } from '../views.ts';
import { StopAgent } from './stop.tsx';

export type Reach = {
  agent: string;
  figures: { today: { most: Money; because: string }; month: { most: Money } };
  warnings: { code: string; message: string }[];
};

/** The identity of the agent, and its money. */
export function AgentFacts({
  agent,
  reach,
  more = [],
}: {
  agent: Agent;
  reach: Reach | null;
  more?: [string, ReactNode][];
}) {
  const { nameOf } = useNames();
  const { balances } = agent;
  const labels = Object.entries(agent.labels).map(([name, value]) => `${name}: ${inert(value)}`);
  return (
    <DescriptionList
      facts={[
        ['Status', <AgentStatus key="status" agent={agent} />],
        ['Sponsor', nameOf(agent.sponsor)],
        ['Labels', labels.join(', ') || 'none'],
        ['Available balance', usdc(balances.available)],
        ['Reserved for payments', usdc(balances.reserved)],
        ['Purse balance (x402)', usdc(balances.purse)],
        ['Unexplained receipts', usdc(balances.suspense)],
        ...(reach
          ? ([
              ['Maximum outflow today', `${usdc(reach.figures.today.most)}: ${reach.figures.today.because}`],
              ['Maximum outflow this month', usdc(reach.figures.month.most)],
              ['Warnings', reach.warnings.map(({ message }) => message).join(' ') || 'none'],
            ] as [string, ReactNode][])
          : []),
        ...more,
      ]}
    />
  );
}

function AgentStatus({ agent }: { agent: Agent }) {
  return (
    <>
      <StatusBadge state={agent.status} />
      {agent.status_reason && ` (${inert(agent.status_reason)})`}
    </>
  );
}

/** Freeze here, or stop everywhere. Only for operators. */
export function AgentActs({ agent, reload }: { agent: Agent; reload: () => void }) {
  const me = useMe();
  const [failure, setFailure] = useState<string | null>(null);
  const set = async (status: 'active' | 'frozen'): Promise<void> => {
    setFailure(null);
    try {
      await ask(`/v1/agents/${agent.id}/status`, { status, reason: 'set in the console' });
      reload();
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  if (!can(me, 'admin') || agent.status === 'revoked') return null;
  const isFrozen = agent.status === 'frozen';
  return (
    <>
      {failure && (
        <Text c="red" role="alert">
          {failure}
        </Text>
      )}
      <Group mt="sm">
        <Button
          size="xs"
          variant="default"
          onClick={() => set(isFrozen ? 'active' : 'frozen')}
          aria-label={`${isFrozen ? 'Unfreeze' : 'Freeze'} ${inert(agent.name)}`}
        >
          {isFrozen ? 'Unfreeze' : 'Freeze'}
        </Button>
        <StopAgent agent={agent} reload={reload} />
      </Group>
    </>
  );
}
