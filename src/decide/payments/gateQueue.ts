import { BursarError } from '../../core/errors/base.ts';
import { mapInOrder } from '../../core/inOrder.ts';
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
    const requests = await mapInOrder(group, ({ ask }) => requestOf(tx, ask));
    const asks = requests.flatMap((request, index) =>
      request === null || 'error' in request ? [] : [{ request, actor: (group[index] as Waiting).ask.actor }],
    );
    const answers = (await decideInto(tx, rules, asks, await identities.read(tx))).values();
    return mapInOrder(requests, async (request, index): Promise<Outcome> => {
      if (request === null || 'error' in request) return request;
      const answer = answers.next().value as Answer;
      if ('error' in answer) return answer;
      const made = recorded(answer);
      await (group[index] as Waiting).ask.alsoWrite?.(tx, made);
      return { answer: made, request, rules };
    });
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

async function requestOf(tx: ReadTx, { request }: QueuedAsk): Promise<PaymentRequest | { error: BursarError } | null> {
  if (typeof request !== 'function') return request;
  try {
    return await request(tx);
  } catch (error) {
    if (error instanceof BursarError) return { error };
    throw error;
  }
}
