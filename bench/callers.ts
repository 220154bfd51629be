import { setImmediate as nextTurn } from 'node:timers/promises';
import { PayInput, toPaymentRequest } from '../src/api/operations/payments/paymentRequest.ts';
import { createGate } from '../src/decide/payments/gateQueue.ts';
import type { PaymentRequest } from '../src/decide/payments/request.ts';
import type { Policy } from '../src/decide/policy/policy.ts';
import type { Store } from '../src/store/store.ts';
import { chainFacts, type World } from './world.ts';

export const CALLERS = 64;

/** What a client sends for the n-th payment: who, to whom and how much vary, half of them belong to a workflow's run. */
export function bodyOf(world: World, n: number): { agent: World['agents'][number]; text: string } {
  const agent = world.agents[n % world.agents.length];
  const payee = world.payees[(n * 7 + Math.floor(n / world.agents.length)) % world.payees.length];
  if (!agent || !payee) throw new Error('The world is empty.');
  const value = `${n % 5}.${String(1 + (n % 99)).padStart(2, '0')}`;
  const run = n % 2 === 0 ? { workflow: 'digitise', run: `run-${Math.floor(n / 1000)}` } : {};
  return {
    agent,
    text: JSON.stringify({
      amount: { value, currency: 'USDC' },
      payee: payee.name,
      memo: `page ${n} of the archive`,
      ...run,
    }),
  };
}

/** The text of a request as the gate takes it: what the HTTP interface does before it calls. */
export function parse(agent: World['agents'][number], text: string, key: string): PaymentRequest {
  return toPaymentRequest(PayInput.parse(JSON.parse(text)), agent.agent.id, key, null);
}

export type Load = {
  store: Store;
  policy: Policy;
  world: World;
  /** The first payment's number and how many there are. */
  from: number;
  payments: number;
  clock: (n: number) => number;
  /** Default: 64. */
  callers?: number;
  /** Told what parsing took, in ms. */
  measured?: (parseMs: number) => void;
};

/**
 * 64 callers, each with one request in flight until all are made: parse, decide, hold, write, durable. Gives payments a
 * second. Throws where one is not authorized: a denial would be cheaper.
 */
export async function runCallers(load: Load): Promise<number> {
  const { store, policy, world, from, payments, clock, measured, callers = CALLERS } = load;
  let next = from;
  // The one moment of a group is that of its newest request.
  const gate = createGate(store, () => ({ policy, chain: chainFacts, atMs: clock(next) }), nextTurn);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: callers }, caller));
  return (payments / (performance.now() - startedAt)) * 1_000;

  async function caller(): Promise<void> {
    while (next < from + payments) {
      const n = next;
      next += 1;
      const beforeParse = performance.now();
      const { agent, text } = bodyOf(world, n);
      const request = parse(agent, text, `bench-payment-${n}`);
      const parseMs = performance.now() - beforeParse;
      const asked = await gate.ask({ request, actor: 'key_bench' });
      if (!asked) throw new Error('The gate was not asked.');
      const { answer } = asked;
      measured?.(parseMs);
      if (answer.payment.state !== 'authorized') {
        throw new Error(`Payment ${n} is ${answer.payment.state}: ${JSON.stringify(answer.payment.reasons)}`);
      }
    }
  }
}
