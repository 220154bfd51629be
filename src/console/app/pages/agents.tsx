import { Text } from '@mantine/core';
import { periodInWords } from '../../../core/time/duration.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { Empty } from '../components/empty.tsx';
import { Link } from '../components/link.tsx';
import { Mono } from '../components/mono.tsx';
import { Page } from '../components/page.tsx';
import { usdc } from '../format.ts';
import { Opens } from '../forms.tsx';
import { can, useMe } from '../session.tsx';
import { useAsk } from '../useAsk.ts';
import { type Agent, inert } from '../views.ts';
import { CreateAgent } from './agentCreate.tsx';
import { AgentActs, AgentFacts, type Reach } from './agentParts.tsx';
import { StopEverything, StopProgress } from './stop.tsx';

export function Agents() {
  const me = useMe();
  const answer = useAsk<{ agents: Agent[] }>('/v1/agents');
  const exposure = useAsk<{ agents: Reach[] }>('/v1/exposure', 'roster');
  const reach = (id: string) => exposure.data?.agents.find(({ agent }) => agent === id) ?? null;
  return (
    <Page
      title="Agents"
      aside={can(me, 'admin') && <Opens label="Add an agent">{(close) => <CreateAgent onClose={close} />}</Opens>}
    >
      <AsyncContent answer={answer}>
        {({ agents }) =>
          agents.length === 0 ? (
            <Empty>There are no agents yet.</Empty>
          ) : (
            <>
              <StopProgress agents={agents} />
              <StopEverything onStopped={answer.reload} />
              {agents.map((agent) => (
                <OneAgent key={agent.id} agent={agent} reach={reach(agent.id)} reload={answer.reload} />
              ))}
            </>
          )
        }
      </AsyncContent>
    </Page>
  );
}

function OneAgent({ agent, reach, reload }: { agent: Agent; reach: Reach | null; reload: () => void }) {
  const { wallet } = agent;
  return (
    <Card title={inert(agent.name)}>
      <AgentFacts
        agent={agent}
        reach={reach}
        more={
          wallet
            ? [
                ['Wallet', <Mono key="wallet">{wallet.address}</Mono>],
                ['Purse', <Mono key="purse">{wallet.purse}</Mono>],
                [
                  'Ceilings on chain',
                  `${usdc(wallet.ceilings.per_payment)} per payment, ${usdc(wallet.ceilings.per_period)} per ${periodInWords(wallet.ceilings.period_seconds)}`,
                ],
              ]
            : []
        }
      />
      <Text mt="sm">
        <Link href={`/agents/${agent.id}`}>Keys, budget and wallet of {inert(agent.name)}</Link>
      </Text>
      <AgentActs agent={agent} reload={reload} />
    </Card>
  );
}
