import { Alert, Button, Group, Text, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { ask } from '../api.ts';
import { Link } from '../components/link.tsx';
import { Mono } from '../components/mono.tsx';
import { usdc } from '../format.ts';
import { can, useMe } from '../session.tsx';
import { useAsk } from '../useAsk.ts';
import { type Agent, duration, inert, type Money } from '../views.ts';

type Step = { step: string; state: string; detail: string; call: { to: string; data: string } | null };
type Stop = {
  agent: string;
  name: string;
  state: 'stopping' | 'safe' | 'ended';
  seconds: number;
  seconds_to_frozen: number | null;
  at_risk: Money;
  reason: string;
  steps: Step[];
};

const LOOK_EVERY_MS = 1_000;
/** The words to type before all agents are stopped, against an accidental click. */
const WORDS = 'stop everything';

/** Two steps and a reason, to which `start` is applied. */
function Asking(props: {
  label: string;
  title: string;
  says: string;
  typed?: string;
  act: string;
  start: (reason: string) => Promise<void>;
}) {
  const { label, title, says, typed, act, start } = props;
  const [isAsking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const [said, setSaid] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const stop = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      await start(reason.trim() || 'stopped in the console');
      setAsking(false);
      setSaid('');
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  if (!isAsking) {
    return (
      <Button size="xs" color="red" variant="outline" onClick={() => setAsking(true)}>
        {label}
      </Button>
    );
  }
  return (
    <Alert color="red" variant="outline" title={title} mt="sm">
      <Text size="sm" mb="xs">
        {says}
      </Text>
      {failure && <Text role="alert">{failure}</Text>}
      <TextInput label="Reason" value={reason} onChange={(event) => setReason(event.currentTarget.value)} mb="xs" />
      {typed !== undefined && (
        <TextInput
          label={`Type “${typed}”`}
          autoComplete="off"
          value={said}
          onChange={(event) => setSaid(event.currentTarget.value)}
          mb="xs"
        />
      )}
      <Group>
        <Button
          size="xs"
          color="red"
          loading={isBusy}
          disabled={typed !== undefined && said.trim().toLowerCase() !== typed}
          onClick={stop}
        >
          {act}
        </Button>
        <Button size="xs" variant="default" onClick={() => setAsking(false)}>
          Cancel
        </Button>
      </Group>
    </Alert>
  );
}

/** Stops an agent everywhere; then `StopProgress` shows the progress. */
export function StopAgent({ agent, reload }: { agent: Agent; reload: () => void }) {
  return (
    <Asking
      label={`Stop ${inert(agent.name)} everywhere`}
      title={`Stop ${inert(agent.name)} everywhere?`}
      says="Its keys, queue, schedules, mandates and 402 authorizations end, its purse balance returns to the wallet, and the wallet is frozen on chain. Only the wallet's owner can unfreeze it."
      act="Stop it now"
      start={async (reason) => {
        await ask(`/v1/agents/${agent.id}/stop`, { reason });
        reload();
      }}
    />
  );
}

/** Stops all agents everywhere, for when the server itself is no longer trusted. Only operators see it. */
export function StopEverything({ onStopped }: { onStopped?: () => void }) {
  const me = useMe();
  if (!can(me, 'admin')) return null;
  return (
    <Asking
      label="Stop everything"
      title="Stop every agent everywhere?"
      says="All agents' keys, queues, schedules, mandates and 402 authorizations end, all purse balances return to the wallets, and all wallets are frozen on chain. Each wallet must be unfrozen by its owner, one by one."
      typed={WORDS}
      act="Stop everything now"
      start={async (reason) => {
        await ask('/v1/stop', { reason });
        onStopped?.();
      }}
    />
  );
}

const words = {
  stopping: 'Stopping everywhere',
  safe: 'Stopped: no money is at risk',
  ended: 'Was stopped',
};

/** The progress of these agents' stops, with the USDC still at risk; asked every second until it is zero. */
export function StopProgress({ agents }: { agents: Agent[] }) {
  const { data, reload } = useAsk<{ stops: Stop[] }>('/v1/stops?limit=200');
  const byId = new Map(agents.map((agent) => [agent.id, agent]));
  // A stop of an agent that is active again is not shown.
  const shown = (data?.stops ?? []).filter(
    ({ agent, state }) => byId.has(agent) && (state !== 'ended' || byId.get(agent)?.status !== 'active'),
  );
  const isRunning = shown.some(({ state }) => state === 'stopping');
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(reload, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [isRunning, reload]);
  return shown.map((stop) => <OneStop key={stop.agent} stop={stop} />);
}

function OneStop({ stop }: { stop: Stop }) {
  const waiting = stop.steps.filter(({ state }) => state === 'needs_people');
  return (
    <Alert role="status" variant="outline" color={stop.state === 'stopping' ? 'red' : 'gray'} title={inert(stop.name)}>
      <Text size="sm">
        {words[stop.state]} ({inert(stop.reason)}); {usdc(stop.at_risk)} at risk, {duration(stop.seconds)}.
        {stop.seconds_to_frozen !== null &&
          ` The wallet was frozen on chain after ${duration(stop.seconds_to_frozen)}.`}
      </Text>
      {stop.state === 'stopping' && stop.steps.length > 0 && (
        <Text size="sm">
          {stop.steps
            .map(({ step, state }) => `${step.replaceAll('_', ' ')}: ${state.replaceAll('_', ' ')}`)
            .join('; ')}
          .
        </Text>
      )}
      {waiting.map(({ step, detail, call }) => (
        <Text key={step} size="sm">
          Manual step needed: {inert(detail)}{' '}
          {call && (
            <Mono>
              to {call.to} data {call.data}
            </Mono>
          )}
        </Text>
      ))}
      {stop.seconds_to_frozen !== null && (
        <Text size="sm">
          To resume, two people are needed: the wallet's owner unfreezes it with a browser wallet or a Safe{' '}
          <Link href={`/agents/${stop.agent}`}>on the agent's page</Link>, then an operator unfreezes the agent here.
        </Text>
      )}
    </Alert>
  );
}
