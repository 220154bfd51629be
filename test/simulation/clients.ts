import { BursarError } from '../../src/core/errors/base.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import type { Recorded } from '../../src/decide/payments/answer.ts';
import type { PaymentRequest } from '../../src/decide/payments/request.ts';
import type { Tx } from '../../src/store/store.ts';
import type { Random } from './random.ts';
import type { SimulatedServer } from './server.ts';
import type { World } from './world.ts';

/** One thing that a client wants, under one key, however often it has to ask. */
export type ClientRequest = {
  request: PaymentRequest;
  asked: number;
  /** Answers and refusals of all times that it was asked, in order. */
  payments: string[];
  refusals: string[];
  /** The same key with another body: it must be refused wherever the first was accepted. */
  isConflict: boolean;
};

/** A new request of a client. */
export function newRequest(world: World, random: Random): ClientRequest {
  const { agent } = random.pick(world.agents);
  const payee = random.pick(world.payees);
  const cents = random.chance(0.1) ? random.between(2_500, 6_000) : random.between(1, 2_400);
  const request: PaymentRequest = {
    agentId: agent.id,
    idempotencyKey: `key-${world.requests.length}-${random.next()}`,
    bodyHash: `body-${random.next()}`,
    requestJson: '{}',
    kind: 'payout',
    amount: microUsdc(BigInt(cents) * 10_000n),
    payee: payee.id,
    address: null,
    workflow: null,
    category: null,
    memo: null,
    refundOf: null,
    batchId: null,
    rail: 'wallet',
    host: null,
    x402: null,
  };
  const made = { request, asked: 0, payments: [], refusals: [], isConflict: false };
  world.requests.push(made);
  return made;
}

/** A client by mistake uses a key again for something else. */
export function conflictOf(world: World, { request }: ClientRequest): ClientRequest {
  const other = { ...request, bodyHash: `${request.bodyHash}-other`, amount: microUsdc(request.amount + 10_000n) };
  const made = { request: other, asked: 0, payments: [], refusals: [], isConflict: true };
  world.requests.push(made);
  return made;
}

/** Why a server may refuse to decide what these clients ask. */
const mayRefuse: ReadonlySet<string> = new Set([
  'storage_failed',
  'queue_full',
  'idempotency_conflict',
  'chain_inconsistent',
  'agent_not_active',
]);

/** Asks a server; the answer comes when the scheduler lets it. A server that dies never answers. */
export function ask(world: World, client: ClientRequest, server: SimulatedServer): void {
  client.asked += 1;
  world.trace[world.trace.length - 1] += ` ${client.request.idempotencyKey.split('-')[1]} of ${client.request.amount}`;
  const { request } = client;
  // A purchase is signed in the transaction of its decision where that can be.
  const sign = request.rail === 'x402' ? { alsoWrite: signNow(server) } : {};
  server.gate.ask({ request, actor: 'key_simulation', ...sign }).then(
    (asked) => {
      if (asked) client.payments.push(asked.answer.payment.id);
    },
    (error: unknown) => {
      if (error instanceof BursarError && mayRefuse.has(error.code)) client.refusals.push(error.code);
      else world.errors.push(error);
    },
  );
}

const signNow =
  ({ signer }: SimulatedServer) =>
  async (tx: Tx, { payment }: Recorded): Promise<void> => {
    if (payment.state === 'authorized') await signer.signNow(tx, payment.id);
  };
