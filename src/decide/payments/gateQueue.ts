import { ageMeters } from '../../books/meters/meters.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import type { Answer, Recorded } from './answer.ts';
import { decideInto, recorded } from './gate.ts';
import { IdentityCache } from './identityCache.ts';
import type { PaymentRequest } from './request.ts';
import type { Rules } from './rules.ts';

/** A request on its way to the gate. */
export type QueuedAsk = {
  /** Made inside the transaction where that takes reading: null where there is nothing to ask any more. It throws what refuses it. */
  request: PaymentRequest | ((tx: ReadTx) => Promise<PaymentRequest | null>);
  actor: string;
  /** What is written together with the payment: both or neither. */
  alsoWrite?: (tx: Tx, answer: Recorded) => Promise<unknown>;
};
/** The answer to one request, and what it was decided by. */
export type Asked = { answer: Recorded; request: PaymentRequest; rules: Rules };

/** The gate as its callers see it: an answer comes once its group is durable. */
export interface Gate {
  /** Null where `request` gave null. Rejects with what refuses the request; nothing of it is recorded then. */
  ask(ask: QueuedAsk): Promise<Asked | null>;
}

/** So many requests are decided and committed together at most: it bounds the time for which an answer waits for others. */
const GROUP_MAX = 256;
/** A group waits for further requests for at most twice so many turns of the event loop: what a commit costs is shared by its group. */
const TURN_PAIRS_MAX = 8;
/** More waiting requests than this are refused with `queue_full`. */
const QUEUE_MAX = 20_000;

type Waiting = { ask: QueuedAsk; resolve: (asked: Asked | null) => void; reject: (error: unknown) => void };
/** What came of one request of a group. */
type Outcome = Asked | { error: BursarError } | null;

/** Rolling windows are aged this often where groups run beside those of other servers, which may not do it. */
const AGING_MS = 5_000;

/** Thrown in a transaction that runs beside others, where what is to be done must be the only writer's. */
class NeedsWholeStore extends Error {}

/**
 * Collects the requests of concurrent callers into groups. Each group is one transaction: load, decide, commit. On PostgreSQL groups of
 * several servers run beside each other, except those with work of their callers in them. `rulesNow` is asked once for each group,
 * inside its transaction: it reads there what is in force, because another server may have changed it. `nextTurn`: resolves in the next
 * turn of the event loop; null where groups do not wait for it.
 */
export function createGate(
  store: Store,
  rulesNow: (tx: ReadTx) => Rules | Promise<Rules>,
  nextTurn: (() => Promise<unknown>) | null = null,
): Gate {
  const identities = new IdentityCache();
  const plain = collector(store.writeBeside);
  const attached = collector(store.write);
  let agedMs = 0;

  function collector(write: Store['write']): (one: Waiting) => void {
    let waiting: Waiting[] = [];
    let isScheduled = false;

    function schedule(): void {
      if (isScheduled) return;
      isScheduled = true;
      let taken: Waiting[] | null = null;
      const group = (): Waiting[] => {
        taken ??= take();
        return taken;
      };
      gathered()
        .then(() => write(jobOf(group)))
        .then(
          (outcomes) => settleAll(group(), outcomes),
          // A store that is closed or full never ran the job.
          (error: unknown) => failed(group(), error),
        );
    }

    /** Resolves once no more requests arrive. One that has arrived is here after two turns: in the first it is authenticated. */
    async function gathered(): Promise<void> {
      let known = 0;
      if (nextTurn === null) return;
      for (let pairs = 0; waiting.length > known && waiting.length < GROUP_MAX && pairs < TURN_PAIRS_MAX; pairs += 1) {
        known = waiting.length;
        await nextTurn();
        await nextTurn();
      }
    }

    function take(): Waiting[] {
      isScheduled = false;
      const group = waiting.slice(0, GROUP_MAX);
      waiting = waiting.slice(GROUP_MAX);
      if (waiting.length > 0) schedule();
      return group;
    }

    return (one) => {
      if (waiting.length >= QUEUE_MAX) return one.reject(new BursarError('queue_full'));
      waiting.push(one);
      schedule();
    };
  }

  /** The store may run a job again, after it was undone: what the first run has read of identities was perhaps undone with it. */
  function jobOf(groupOf: () => readonly Waiting[]): (tx: Tx) => Promise<Outcome[]> {
    let hasRun = false;
    return (tx) => {
      if (hasRun) identities.forget();
      hasRun = true;
      return decide(tx, groupOf());
    };
  }

  function failed(group: readonly Waiting[], error: unknown): void {
    identities.forget();
    if (error instanceof NeedsWholeStore) {
      store
        .write((tx) => decide(tx, group))
        .then(
          (outcomes) => settleAll(group, outcomes),
          (again: unknown) => failed(group, again),
        );
    } else if (group.length > 1) for (const each of group) void alone(each);
    else for (const each of group) each.reject(error);
  }

  /** Something in a group failed, and nothing of it is recorded: the others must not pay for that. Keys make asking again safe. */
  async function alone(one: Waiting): Promise<void> {
    try {
      const [outcome = null] = await store.write(jobOf(() => [one]));
      settle(one, outcome);
    } catch (error) {
      identities.forget();
      one.reject(error);
    }
  }

  function age({ policy, atMs }: Rules): void {
    if (atMs - agedMs < AGING_MS) return;
    agedMs = atMs;
    // Readings are exact without it, so a failure costs time only, and the next group asks for it again.
    store.write((tx) => ageMeters(tx, policy.meters, atMs)).catch(() => undefined);
  }

  async function decide(tx: Tx, group: readonly Waiting[]): Promise<Outcome[]> {
    const rules = await rulesNow(tx);
    if (tx.locks && rules.shadow) throw new NeedsWholeStore();
    if (tx.locks) tx.afterCommit(() => age(rules));
    const requests = await requestsOf(tx, group);
    const asks = requests.flatMap((request, index) =>
      request === null || 'error' in request ? [] : [{ request, actor: (group[index] as Waiting).ask.actor }],
    );
    const answers = (await decideInto(tx, rules, asks, await identities.read(tx))).values();
    const outcomes: Outcome[] = [];
    for (const [index, request] of requests.entries()) {
      if (request === null || 'error' in request) {
        outcomes.push(request);
        continue;
      }
      const answer = answers.next().value as Answer;
      if ('error' in answer) {
        outcomes.push(answer);
        continue;
      }
      const made = recorded(answer);
      const { alsoWrite } = (group[index] as Waiting).ask;
      if (alsoWrite) await alsoWrite(tx, made);
      outcomes.push({ answer: made, request, rules });
    }
    return outcomes;
  }

  return {
    ask: (ask) =>
      new Promise((resolve, reject) => {
        const isPlain = typeof ask.request !== 'function' && !ask.alsoWrite;
        (isPlain ? plain : attached)({ ask, resolve, reject });
      }),
  };
}

function settleAll(group: readonly Waiting[], outcomes: readonly Outcome[]): void {
  for (const [index, one] of group.entries()) settle(one, outcomes[index] ?? null);
}

function settle({ resolve, reject }: Waiting, outcome: Outcome): void {
  if (outcome !== null && 'error' in outcome) reject(outcome.error);
  else resolve(outcome);
}

type Request = PaymentRequest | { error: BursarError } | null;

async function requestsOf(tx: ReadTx, group: readonly Waiting[]): Promise<Request[]> {
  const requests: Request[] = [];
  for (const { ask } of group) {
    requests.push(typeof ask.request === 'function' ? await made(tx, ask.request) : ask.request);
  }
  return requests;
}

async function made(tx: ReadTx, make: Exclude<QueuedAsk['request'], PaymentRequest>): Promise<Request> {
  try {
    return await make(tx);
  } catch (error) {
    if (error instanceof BursarError) return { error };
    throw error;
  }
}
