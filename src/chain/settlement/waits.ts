import { type AlertType, openAlert, raiseAlert } from '../../books/ledger/alerts.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { resolveAlert } from '../relayer/queries.ts';
import { noLongerWaiting, openAlertsOf } from './queries.ts';

/** Why a payment is not sent now though it was decided: each has one alert while it lasts. */
export type WaitCause =
  | 'token_paused'
  | 'wallet_blacklisted'
  | 'executor_replaced'
  | 'approvals_short'
  | 'deployment_refused'
  | 'nonce_used'
  | 'refusal_unexplained';

type Wait = {
  agentId: string;
  cause: WaitCause;
  /** The ended transaction that it waits after; null: it has had none. */
  transactionId: bigint | null;
  tries: number;
  againAtMs: number;
  data: Record<string, unknown>;
};

const FIRST_MS = 250;
const LONGEST_MS = 60_000;
/** A cause outside the payment is asked about at this pace, so that all goes on soon after it has passed. */
const PASSING_MS = 2_000;
/** A single contradiction may be a moment between two blocks; one that stays is for people to see. */
const TRIES_BEFORE_ALERT = 3;
const quiet: ReadonlySet<WaitCause> = new Set(['refusal_unexplained', 'nonce_used']);
/** Of the whole chain, not of one agent. */
const ofChain: ReadonlySet<WaitCause> = new Set(['token_paused']);
const steady: ReadonlySet<WaitCause> = new Set(['token_paused', 'wallet_blacklisted', 'executor_replaced']);
const causes = [
  'token_paused',
  'wallet_blacklisted',
  'executor_replaced',
  'approvals_short',
  'deployment_refused',
  'nonce_used',
  'refusal_unexplained',
] as const satisfies readonly (WaitCause & AlertType)[];

/**
 * Payments that wait for the chain to change its mind. In memory: after a start each is asked about once more, and the alerts,
 * which are stored, go on as they were.
 */
export function createWaits() {
  const waits = new Map<string, Wait>();

  return {
    of: (paymentId: string): Wait | undefined => waits.get(paymentId),
    /** Not to be looked at before their time. */
    notDue: (atMs: number): string[] =>
      [...waits].filter(([, { againAtMs }]) => againAtMs > atMs).map(([paymentId]) => paymentId),
    note(
      payment: { id: string; agentId: string },
      found: Pick<Wait, 'cause' | 'transactionId' | 'data'>,
      atMs: number,
    ) {
      const tries = (waits.get(payment.id)?.tries ?? 0) + 1;
      const backoff = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10));
      const againAtMs = atMs + (steady.has(found.cause) ? PASSING_MS : backoff);
      waits.set(payment.id, { agentId: payment.agentId, ...found, tries, againAtMs });
    },
    /** Drops what is over; raises and closes alerts by what waits now. In the caller's write transaction. */
    async settle(tx: Tx, atMs: number): Promise<void> {
      for (const id of await over(tx, [...waits.keys()])) waits.delete(id);
      for (const cause of causes) await syncAlerts(tx, cause, waits, atMs);
    },
    /** It goes again, or it is over. */
    forget: (paymentId: string): void => {
      waits.delete(paymentId);
    },
    get size() {
      return waits.size;
    },
  };
}
export type Waits = ReturnType<typeof createWaits>;

async function over(tx: ReadTx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  return (await tx.all(noLongerWaiting, { ids })).map(({ id }) => id);
}

async function syncAlerts(
  tx: Tx,
  cause: WaitCause & AlertType,
  waits: ReadonlyMap<string, Wait>,
  atMs: number,
): Promise<void> {
  const now = new Map<string | null, { wait: Wait; payment: string; count: number }>();
  for (const [payment, wait] of waits) {
    if (wait.cause !== cause || (quiet.has(cause) && wait.tries < TRIES_BEFORE_ALERT)) continue;
    const subject = ofChain.has(cause) ? null : wait.agentId;
    const known = now.get(subject);
    now.set(subject, known ? { ...known, count: known.count + 1 } : { wait, payment, count: 1 });
  }
  for (const [agentId, { wait, payment }] of now) {
    if (await openAlert(tx, cause, agentId)) continue;
    const data = { ...wait.data, ...(agentId === null ? {} : { payment }) };
    await raiseAlert(tx, { type: cause, agentId, data }, atMs);
  }
  for (const { id, agent_id } of await tx.all(openAlertsOf, { type: cause })) {
    if (!now.has(agent_id)) await tx.run(resolveAlert, { id, at: atMs });
  }
}
