import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { Page } from '../components/page.tsx';
import { useAsk } from '../useAsk.ts';
import { type Agent, inert } from '../views.ts';
import { AgentBudget } from './agentBudget.tsx';
import { AgentActs, AgentFacts, type Reach } from './agentParts.tsx';
import { AgentWork } from './agentWork.tsx';
import { Keys } from './settings/keys.tsx';
import { StopProgress } from './stop.tsx';
import { WalletSection } from './wallet.tsx';

/** Everything about one agent. */
export function AgentPage({ id }: { id: string }) {
  const answer = useAsk<Agent>(`/v1/agents/${id}`);
  const exposure = useAsk<{ agents: Reach[] }>(`/v1/exposure?agent=${id}`, 'roster');
  return (
    <Page title={answer.data ? inert(answer.data.name) : 'Agent'}>
      <AsyncContent answer={answer}>
        {(agent) => (
          <>
            <StopProgress agents={[agent]} />
            <Card title="Now">
              <AgentFacts agent={agent} reach={exposure.data?.agents[0] ?? null} />
              <AgentActs agent={agent} reload={answer.reload} />
            </Card>
            <Card title="Budget">
              <AgentBudget id={agent.id} />
            </Card>
            <Card title="Keys">
              <Keys agent={agent.id} />
            </Card>
            <Card title="Workflows and payments">
              <AgentWork id={agent.id} />
            </Card>
            <WalletSection agent={agent} warnings={exposure.data?.agents[0]?.warnings ?? []} />
          </>
        )}
      </AsyncContent>
    </Page>
  );
}
