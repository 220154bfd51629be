import { appendEvent, type EventFields, type EventType } from '../../books/ledger/events.ts';
import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';
import { requestPayment } from '../../decide/payments/gate.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { Shadow } from '../../decide/payments/rules.ts';
import type { Policy } from '../../decide/policy/policy.ts';
import type { Store, Tx } from '../../store/store.ts';
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
  store: Store;
  chainFacts: ChainFacts;
  /** Throws `policy_unavailable`: then the lines wait. */
  policy: () => Policy;
  /** The candidate that is asked as well, if there is one. */
  shadow?: () => Shadow | null;
  clock: () => number;
  /** There is more to do: do not wait for the interval. */
  wake: () => void;
};
export type PayoutRunner = { tick(): Promise<{ decided: number }> };

/** So many lines queue for the gate at a time; anyone who else asks meanwhile is behind these at most. */
const LINES_PER_CHUNK = 64;
/** Then the settler, the relayer and the follower have their turn: what is decided settles while the rest is decided. */
const LINES_PER_TICK = 1_000;

/** A line about which there is nothing to decide: what it names was there when the file was checked and is not any more. */
const refusals: ReadonlySet<string> = new Set([
  'agent_not_found',
  'payee_not_found',
  'payee_address_missing',
  'workflow_not_found',
  'forbidden_address',
  'not_configured',
]);

/**
 * Takes stored payouts through the gate, line by line, each in a write job of its own: all or nothing for a line, group commit for
 * many. Whatever it does is in the store, so a new process goes on where a killed one was.
 */
export function createPayoutRunner({
  store,
  chainFacts,
  policy,
  shadow,
  clock,
  wake,
}: PayoutRunnerOptions): PayoutRunner {
  function decide(tx: Tx, payout: Payout, line: StoredLine): void {
    if (!mayDecide(tx, payout.id)) return;
    const context = {
      policy: policy(),
      shadow: shadow?.() ?? null,
      chain: chainFacts,
      actor: payout.askedBy,
      atMs: clock(),
    };
    const { payment } = requestPayment(tx, lineRequest(payout, line), context);
    answerLine(tx, payout.id, line.line, payment.id);
  }

  async function decideOrRefuse(payout: Payout, line: StoredLine): Promise<void> {
    try {
      await store.write((tx) => decide(tx, payout, line));
    } catch (error) {
      if (!(error instanceof BursarError) || !refusals.has(error.code)) throw error;
      const { code, message } = error;
      await store.write((tx) => {
        refuseLine(tx, payout.id, line.line, { code, message });
        const data = { operation: 'create_payout', line: line.line, code, detail: message };
        appendEvent(tx, payoutEvent('payment.refused', payout, payout.askedBy, data), clock());
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
    const lines = store.read((tx) => openLines(tx, payout.id, LINES_PER_CHUNK));
    const live = store.read((tx) => mayDecide(tx, payout.id));
    if (lines.length > 0 && live) return chunk(payout, lines);
    await store.write((tx) => (lines.length === 0 ? close(tx, payout) : stop(tx, payout)));
    return 0;
  }

  function close(tx: Tx, payout: Payout): void {
    if (!closePayout(tx, payout.id, clock())) return;
    const counts = [...progressOf(tx, payout.id)].map(([state, { lines }]) => [state, lines]);
    appendEvent(tx, payoutEvent('payout.decided', payout, 'bursar', Object.fromEntries(counts)), clock());
  }

  /** The key or person that asked is revoked: nobody stands behind the lines that are left. */
  function stop(tx: Tx, payout: Payout): void {
    if (getPayout(tx, payout.id).state !== 'deciding' || mayDecide(tx, payout.id)) return;
    setPayoutState(tx, payout.id, { state: 'stopped', askedBy: payout.askedBy }, clock());
    appendEvent(tx, payoutEvent('payout.stopped', payout, 'bursar', { reason: 'asker_revoked' }), clock());
  }

  return {
    async tick() {
      let decided = 0;
      for (let working = store.read(workingPayouts); working.length > 0; working = store.read(workingPayouts)) {
        for (const payout of working) {
          try {
            decided += await step(payout);
          } catch (error) {
            // A disk that is full, no policy: this payout waits for the next tick, the others go on.
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

/** An event of a payout as such. */
export function payoutEvent(
  type: EventType,
  payout: Pick<Payout, 'id' | 'agentId'>,
  actor: string,
  data: Record<string, unknown>,
): EventFields {
  return { type, actor, agentId: payout.agentId, data: { payout: payout.id, ...data } };
}
