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
/** More waiting requests than this are refused with `queue_full`. */
const QUEUE_MAX = 20_000;

type Waiting = { ask: QueuedAsk; resolve: (asked: Asked | null) => void; reject: (error: unknown) => void };
/** What came of one request of a group. */
type Outcome = Asked | { error: BursarError } | null;

/**
 * Collects the requests of concurrent callers into groups. Each group is one transaction: load, decide, commit. `rulesNow` is asked once
 * for each group, inside its transaction.
 */
export function createGate(store: Store, rulesNow: () => Rules): Gate {
  const identities = new IdentityCache();
  let waiting: Waiting[] = [];
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    let group: Waiting[] = [];
    const job = async (tx: Tx): Promise<Outcome[]> => {
      group = take();
      return decide(tx, group);
    };
    store.write(job).then(
      (outcomes) => {
        for (const [index, outcome] of outcomes.entries()) settle(group[index] as Waiting, outcome);
      },
      (error: unknown) => {
        // A store that is closed or full never ran the job.
        if (group.length === 0) group = take();
        identities.forget();
        if (group.length > 1) for (const each of group) void alone(each);
        else for (const each of group) each.reject(error);
      },
    );
  }

  function take(): Waiting[] {
    isScheduled = false;
    const group = waiting.slice(0, GROUP_MAX);
    waiting = waiting.slice(GROUP_MAX);
    if (waiting.length > 0) schedule();
    return group;
  }

  /** Something in a group failed, and nothing of it is recorded: the others must not pay for that. Keys make asking again safe. */
  async function alone(one: Waiting): Promise<void> {
    try {
      const [outcome = null] = await store.write((tx) => decide(tx, [one]));
      settle(one, outcome);
    } catch (error) {
      identities.forget();
      one.reject(error);
    }
  }

  async function decide(tx: Tx, group: readonly Waiting[]): Promise<Outcome[]> {
    const rules = rulesNow();
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
        if (waiting.length >= QUEUE_MAX) return reject(new BursarError('queue_full'));
        waiting.push({ ask, resolve, reject });
        schedule();
      }),
  };
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
