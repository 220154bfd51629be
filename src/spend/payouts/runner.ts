import { appendEvent, type EventFields, type EventType } from '../../books/ledger/events.ts';
import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';
import type { Gate } from '../../decide/payments/gateQueue.ts';
import { type LedStore, requireLead } from '../../store/leases/leadership.ts';
import type { Tx } from '../../store/store.ts';
import { lineRequest } from './paymentRequest.ts';
import {
  answerLine,
  closePayout,
  getPayout,
  mayDecide,
  openLines,
  type Payout,
  progressOf,
  refuseLine,
  type StoredLine,
  setPayoutState,
  workingPayouts,
} from './payout.ts';

export type PayoutRunnerOptions = {
  store: LedStore;
  /** Rejects with `policy_unavailable`; the lines then wait. */
  gate: Gate;
  clock: () => number;
  /** There is more work: do not wait for the interval. */
  wake: () => void;
};
export type PayoutRunner = { tick(): Promise<{ decided: number }> };

/** The number of lines in the gate's queue at a time; another request waits for at most these. */
const LINES_PER_CHUNK = 64;
/** Then the settler, the relayer and the follower run: decided lines settle while the rest is decided. */
const LINES_PER_TICK = 1_000;

/** A line that cannot be decided: its payee or workflow existed when the file was checked and is gone. */
const refusals: ReadonlySet<string> = new Set([
  'agent_not_found',
  'payee_not_found',
  'payee_address_missing',
  'workflow_not_found',
  'forbidden_address',
  'not_configured',
]);

/**
 * Sends stored payouts through the gate, each line with its payment: both or neither for a line, many to a commit. All progress is in
 * the store, so a new process continues where a killed one was.
 */
export function createPayoutRunner({ store, gate, clock, wake }: PayoutRunnerOptions): PayoutRunner {
  async function decideOrRefuse(payout: Payout, line: StoredLine): Promise<void> {
    try {
      await gate.ask({
        request: async (tx) => {
          await requireLead(tx, store.lead);
          return (await mayDecide(tx, payout.id)) ? lineRequest(payout, line) : null;
        },
        actor: payout.askedBy,
        alsoWrite: (tx, { payment }) => answerLine(tx, payout.id, line.line, payment.id),
      });
    } catch (error) {
      if (!(error instanceof BursarError) || !refusals.has(error.code)) throw error;
      const { code, message } = error;
      await store.write(async (tx) => {
        await refuseLine(tx, payout.id, line.line, { code, message });
        const data = { operation: 'create_payout', line: line.line, code, detail: message };
        await appendEvent(tx, payoutEvent('payment.refused', payout, payout.askedBy, data), clock());
      });
    }
  }

  async function chunk(payout: Payout, lines: readonly StoredLine[]): Promise<number> {
    const results = await Promise.allSettled(lines.map((line) => decideOrRefuse(payout, line)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return lines.length;
  }

  async function step(payout: Payout): Promise<number> {
    const lines = await store.read((tx) => openLines(tx, payout.id, LINES_PER_CHUNK));
    const live = await store.read((tx) => mayDecide(tx, payout.id));
    if (lines.length > 0 && live) return chunk(payout, lines);
    await store.write(async (tx) => (lines.length === 0 ? await close(tx, payout) : await stop(tx, payout)));
    return 0;
  }

  async function close(tx: Tx, payout: Payout): Promise<void> {
    if (!(await closePayout(tx, payout.id, clock()))) return;
    const counts = [...(await progressOf(tx, payout.id))].map(([state, { lines }]) => [state, lines]);
    await appendEvent(tx, payoutEvent('payout.decided', payout, 'bursar', Object.fromEntries(counts)), clock());
  }

  /** The key or person that requested it is revoked, so the remaining lines have no authority. */
  async function stop(tx: Tx, payout: Payout): Promise<void> {
    if ((await getPayout(tx, payout.id)).state !== 'deciding' || (await mayDecide(tx, payout.id))) return;
    await setPayoutState(tx, payout.id, { state: 'stopped', askedBy: payout.askedBy }, clock());
    await appendEvent(tx, payoutEvent('payout.stopped', payout, 'bursar', { reason: 'asker_revoked' }), clock());
  }

  return {
    async tick() {
      let decided = 0;
      for (
        let working = await store.read(workingPayouts);
        working.length > 0;
        working = await store.read(workingPayouts)
      ) {
        for (const payout of working) {
          try {
            decided += await step(payout);
          } catch (error) {
            if (error instanceof BursarError && error.code === 'lease_lost') throw error;
            // A full disk or a missing policy: this payout waits for the next tick, the others continue.
            log.error({ err: error, payout: payout.id }, 'a payout waits');
            working = [];
          }
        }
        if (working.length === 0) break;
        if (decided >= LINES_PER_TICK) {
          wake();
          break;
        }
      }
      return { decided };
    },
  };
}

/** An event of a whole payout. */
export function payoutEvent(
  type: EventType,
  payout: Pick<Payout, 'id' | 'agentId'>,
  actor: string,
  data: Record<string, unknown>,
): EventFields {
  return { type, actor, agentId: payout.agentId, data: { payout: payout.id, ...data } };
}
