import { Alert, Button, Group, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../api.ts';
import { useAsk } from '../live.tsx';
import { usdc } from '../parts.tsx';
import { type Agent, duration, type Money } from '../views.ts';

type Stop = {
  state: 'stopping' | 'safe' | 'ended';
  seconds: number;
  at_risk: Money;
  reason: string;
  steps: unknown[];
};

/** Ends an agent everywhere, in two steps so that nobody does it by a slip; then tells how far it is. */
export function StopAgent({ agent, reload }: { agent: Agent; reload: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const stop = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      await ask(`/v1/agents/${agent.id}/stop`, { reason: reason.trim() || 'by the console' });
      setAsking(false);
      reload();
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  if (!isAsking) {
    return (
      <Button size="xs" color="red" variant="outline" onClick={() => setAsking(true)}>
        Stop {agent.name} everywhere
      </Button>
    );
  }
  return (
    <Alert color="red" variant="outline" title={`Stop ${agent.name} everywhere?`} mt="sm">
      <Text size="sm" mb="xs">
        Its keys, queue, schedules, mandates and 402 authorizations end, its purse is swept, its wallet is frozen on
        chain. Only the wallet's owner unfreezes it.
      </Text>
      {failure && <Text role="alert">{failure}</Text>}
      <TextInput label="Why" value={reason} onChange={(event) => setReason(event.currentTarget.value)} mb="xs" />
      <Group>
        <Button size="xs" color="red" loading={isBusy} onClick={stop}>
          Stop it now
        </Button>
        <Button size="xs" variant="default" onClick={() => setAsking(false)}>
          Do not
        </Button>
      </Group>
    </Alert>
  );
}

const words = {
  stopping: 'Being stopped everywhere',
  safe: 'Stopped: nothing is at risk any more',
  ended: 'Was stopped',
};

export function StopProgress({ agents }: { agents: Agent[] }) {
  const { data } = useAsk<{ stops: (Stop & { agent: string; name: string })[] }>('/v1/stops');
  const known = new Set(agents.map(({ id }) => id));
  return (data?.stops ?? [])
    .filter(({ agent }) => known.has(agent))
    .map((stop) => (
      <Alert
        role="status"
        key={stop.agent}
        variant="outline"
        color={stop.state === 'stopping' ? 'red' : 'gray'}
        title={stop.name}
      >
        {words[stop.state]} ({stop.reason}); {usdc(stop.at_risk)} at risk, {duration(stop.seconds)}.
      </Alert>
    ));
}
