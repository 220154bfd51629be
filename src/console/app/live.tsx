import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';
import { ask, type Problem } from './api.ts';
import { type Connection, listen } from './stream.ts';

/** `roster` moves with what is rare: agents, payees, people, policies. */
type Live = { tick: number; roster: number; connection: Connection };
const nothing: Live = { tick: 0, roster: 0, connection: 'connecting' };
const LiveContext = createContext<Live>(nothing);
/** Events come in bursts: what is shown is asked for once per burst, and once a second where they do not end. */
const SETTLE_MS = 250;
const APART_MS = 1_000;

/** Listens to the event log; each burst of events makes a new tick. */
export function LiveEvents({ children }: { children: ReactNode }) {
  const [live, setLive] = useState(nothing);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isRoster = false;
    let lastMs = 0;
    const bump = (): void => {
      timer ??= setTimeout(
        () => {
          const added = isRoster ? 1 : 0;
          timer = undefined;
          isRoster = false;
          lastMs = performance.now();
          setLive((before) => ({ ...before, tick: before.tick + 1, roster: before.roster + added }));
        },
        Math.max(SETTLE_MS, lastMs + APART_MS - performance.now()),
      );
    };
    const end = listen(LISTENED, {
      onEvent: (type) => {
        isRoster ||= !/^(payment|receivable)\./.test(type);
        bump();
      },
      onConnection: (connection) => {
        setLive((before) => ({ ...before, connection }));
        // What happened while nobody listened.
        isRoster ||= connection === 'live';
        if (connection === 'live') bump();
      },
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, []);
  return <LiveContext value={live}>{children}</LiveContext>;
}

/** The stream names its events; these change what pages show. */
const LISTENED = [
  ...['requested', 'allowed', 'denied', 'review_requested', 'approved', 'rejected', 'expired', 'cancelled'],
  ...['submitted', 'signed', 'broadcast', 'replaced', 'retried', 'settled', 'final', 'reorged', 'failed'],
]
  .map((name) => `payment.${name}`)
  .concat(
    [
      'receivable.received',
      'suspense.accepted',
      'wallet.deployed',
      'wallet.frozen',
      'wallet.unfrozen',
      'wallet.changed',
      'registry.changed',
      'agent.created',
    ],
    ['agent.status_changed', 'payee.created', 'payee.changed', 'payee.address_added', 'payee.address_verified'],
    ['mandate.requested', 'mandate.signed', 'mandate.declined', 'mandate.revoked', 'policy.loaded', 'policy.activated'],
    [
      'agent.stop_started',
      'agent.stop_finished',
      'purse.swept',
      'session.started',
      'session.ended',
      'person.status_changed',
    ],
    ['policy.rolled_back', 'alert.raised', 'credential.created', 'credential.revoked', 'approver.created'],
    ['approver.changed', 'approver.revoked', 'credential.rotated', 'payee.address_retired', 'sponsor.created'],
    ['sponsor.status_changed', 'workflow.created', 'workflow.status_changed', 'wallet.ceilings_changed'],
    ['person.status_changed'],
    ['policy.shadow_started', 'policy.shadow_ended'],
  );

export const useLive = (): Live => useContext(LiveContext);

export type Answer<T> = { data: T | null; problem: Problem | null; reload: () => void };

/** What the server says now, asked again with each tick (or only when the roster changes). Null as path: nothing is asked. What was there stays until the new comes. */
export function useAsk<T>(path: string | null, when: 'tick' | 'roster' = 'tick'): Answer<T> {
  const { [when]: tick } = useLive();
  const [again, setAgain] = useState(0);
  const [answer, setAnswer] = useState<{ path: string | null; data: T | null; problem: Problem | null }>({
    path: null,
    data: null,
    problem: null,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a tick or a retry asks the same path again
  useEffect(() => {
    if (path === null) return;
    let isOver = false;
    ask<T>(path)
      .then((data) => !isOver && setAnswer({ path, data, problem: null }))
      .catch((problem: Problem) => !isOver && setAnswer((before) => ({ ...before, path, problem })));
    return () => {
      isOver = true;
    };
  }, [path, tick, again]);
  const reload = useCallback(() => setAgain((n) => n + 1), []);
  const isSame = answer.path === path;
  return { data: isSame ? answer.data : null, problem: isSame ? answer.problem : null, reload };
}
