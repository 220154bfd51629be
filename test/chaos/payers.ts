import { setTimeout as sleep } from 'node:timers/promises';
import { type Bursar, BursarProblem, BursarUnreachable, createBursar } from '../../src/api/sdk/index.ts';
import { catalogue, type ErrorCode } from '../../src/core/errors/catalogue.ts';
import { formatUsdc } from '../../src/core/money/microUsdc.ts';
import type { Payee, Payer, World } from './world.ts';

/** One payment as its client knows it: the key never changes, however often it is sent. */
export type Asked = {
  key: string;
  agent: Payer;
  payee: Payee;
  micro: bigint;
  /** Every payment id that was answered for this key. */
  ids: Set<string>;
  /** The state of the first answer. */
  state: string | null;
};

export type PayersOptions = {
  /** Begins every key. */
  name: string;
  /** Clients at a time. */
  clients: number;
  /** Payments in all; absent: until `finish`. */
  payments?: number;
  /** The longest pause of a client between two payments. */
  pauseMs?: number;
  /** The part of requests that are sent twice, one beside the other or one after the other. */
  doubled?: number;
  amount?: () => bigint;
};

export type Payers = {
  readonly asked: readonly Asked[];
  /** How often each answer came: `201 authorized`, `unreachable`, `503 chain_unavailable`. */
  readonly answers: ReadonlyMap<string, number>;
  /** Answers that a client cannot do anything with. */
  readonly wrong: readonly string[];
  answered(): number;
  /** Asks for nothing new, and resolves when each key has its answer. */
  finish(): Promise<void>;
  /** Resolves when as many as were ordered are answered. */
  readonly done: Promise<unknown>;
};

const TIMEOUT_MS = 10_000;
/** The pause before the same request is sent again. */
const UNREACHABLE_MS = [100, 400] as const;
const REFUSED_MS = [20, 120] as const;

/** Agents that pay with the SDK and fixed idempotency keys, and send each request until there is an answer. */
export function startPayers(world: World, options: PayersOptions): Payers {
  const {
    name,
    clients,
    payments = Number.POSITIVE_INFINITY,
    pauseMs = 0,
    doubled = 0,
    amount = world.nextAmount,
  } = options;
  const { random, agents, payees, servers } = world;
  const asked: Asked[] = [];
  const answers = new Map<string, number>();
  const wrong: string[] = [];
  let answeredCount = 0;
  let finishing = false;

  const bursars = new Map<string, Bursar[]>(
    agents.map(({ id, key }) => [
      id,
      servers.map(({ url }) => createBursar({ url, apiKey: key, timeoutMs: TIMEOUT_MS })),
    ]),
  );
  const count = (answer: string): void => {
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  };

  async function sendUntilAnswered(one: Asked): Promise<void> {
    const input = { payee: one.payee.name, amount: formatUsdc(one.micro) };
    for (;;) {
      try {
        const answer = await random.pick(bursars.get(one.agent.id) ?? []).pay(input, { idempotencyKey: one.key });
        count(answer.replayed ? 'replayed' : answer.state);
        one.ids.add(answer.id);
        one.state ??= answer.state;
        return;
      } catch (error) {
        const refusal = refusalOf(error);
        count(refusal.name);
        if (!refusal.isRetryable) {
          wrong.push(`${one.key}: ${refusal.name}: ${error instanceof Error ? error.message : error}`);
          return;
        }
        const [least, most] = error instanceof BursarUnreachable ? UNREACHABLE_MS : REFUSED_MS;
        await sleep(random.whole(least, most));
      }
    }
  }

  async function client(): Promise<void> {
    while (!finishing && asked.length < payments) {
      const one: Asked = {
        key: `chaos-${name}-${String(asked.length).padStart(6, '0')}`,
        agent: random.pick(agents),
        payee: random.pick(payees),
        micro: amount(),
        ids: new Set(),
        state: null,
      };
      asked.push(one);
      world.asked.push(one);
      const chance = random.share();
      if (chance < doubled / 2) await Promise.all([sendUntilAnswered(one), sendUntilAnswered(one)]);
      else await sendUntilAnswered(one);
      answeredCount += 1;
      if (chance >= doubled / 2 && chance < doubled) await sendUntilAnswered(one);
      if (pauseMs > 0) await sleep(random.whole(0, pauseMs));
    }
  }
  const running = Promise.all(Array.from({ length: clients }, client));

  return {
    asked,
    answers,
    wrong,
    answered: () => answeredCount,
    finish: async () => {
      finishing = true;
      await running;
    },
    done: running,
  };
}

/** An error that a client can retry says so in the catalogue of codes. `internal` does too, but nobody expects it. */
function refusalOf(error: unknown): { name: string; isRetryable: boolean } {
  if (error instanceof BursarUnreachable) return { name: 'unreachable', isRetryable: true };
  if (!(error instanceof BursarProblem)) return { name: 'not an answer', isRetryable: false };
  const { status, code } = error;
  const known = code in catalogue ? catalogue[code as ErrorCode] : null;
  return { name: `${status} ${code}`, isRetryable: known?.retry === 'safe' && code !== 'internal' };
}
