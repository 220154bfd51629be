import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { Address } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AnswerLost, PaymentPending, PaymentRefused } from '../src/api/sdk/index.ts';
import { tokenAbi } from '../src/chain/contracts/tokenDomain.ts';
import { microUsdc } from '../src/core/money/microUsdc.ts';
import { query } from '../src/store/statement.ts';
import { encode, type Payload, serve } from './support/hostileSeller.ts';
import { type Buyer, balanceOf, PAY_TO, type X402World, x402World } from './support/x402World.ts';

let world: X402World;
let buyer: Buyer;

beforeAll(async () => {
  world = await x402World();
  buyer = await world.buyer('researcher');
});
afterAll(() => world.end());
// A test that fails with mining off must not take the next ones with it.
afterEach(() => world.server.local.client.setAutomine(true));
beforeEach(() => {
  world.seller.offers = [world.seller.offer()];
  world.seller.headers.length = 0;
  world.seller.onPaid = async ({ payload, response }) => {
    serve(response, { success: true, transaction: await world.seller.redeem(payload) });
  };
});

const offerOf = (changes: Record<string, unknown> = {}) =>
  encode({ x402Version: 2, resource: { url: 'x' }, accepts: [world.seller.offer(changes)] });
const payX402 = (agent: Buyer, path: string, more: Record<string, unknown> = {}) =>
  agent.client.call('pay_x402', { url: world.seller.url(path), payment_required: offerOf(), ...more });

async function purchases(agent: Buyer): Promise<Record<string, unknown>[]> {
  return (await world.payments(agent.id)).filter(({ rail }) => rail === 'x402');
}

describe('The signer', () => {
  it('waits for a top-up that is slow, and the same request gets its signature later', async () => {
    const { client } = world.server.local;
    await client.setAutomine(false);
    const first = await payX402(buyer, '/slow', { wait_seconds: 0 });
    expect(first).toMatchObject({ state: 'authorized', payment_signature: null });
    expect(first.next).toMatch(/topped up/);
    await client.setAutomine(true);
    await client.mine({ blocks: 1 });
    const second = await payX402(buyer, '/slow');
    expect(second).toMatchObject({ id: first.id, state: 'submitted', replayed: true });
    // Its time runs from the signature, not from the decision.
    expect(Date.parse(String(second.valid_before))).toBeGreaterThan(Date.now() + 30_000);
  });

  it('makes one payload however many ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => payX402(buyer, '/race')));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(new Set(answers.map(({ payment_signature }) => payment_signature)).size).toBe(1);
    expect(answers[0]?.payment_signature).toMatch(/^[A-Za-z0-9+/=]{100,}$/);
  });

  it('signs nothing for an agent, or a workflow, that was frozen after the decision', async () => {
    const { operator, local } = world.server;
    const frozen = await world.buyer('frozen');
    await operator.call('create_workflow', { name: 'held' });
    // Its wallet stands before the chain is stopped, so that the top-up can be sent.
    const amount = { value: '0.01', currency: 'USDC' };
    const first = await frozen.client.call('pay', { payee: world.payee, amount }, { idempotencyKey: 'to-deploy' });
    await world.server.until(String(first.id), ['settled', 'final']);
    await local.client.setAutomine(false);
    const more = { workflow: 'held', wait_seconds: 0 };
    const { id } = await payX402(frozen, '/frozen', more);
    await until(async () => {
      const topUp = (await world.payments(frozen.id)).find(({ kind }) => kind === 'top_up');
      return topUp?.state === 'submitted';
    });
    await operator.call('set_agent_status', { id: frozen.id, status: 'frozen', reason: 'a look' });
    await local.client.setAutomine(true);
    await local.client.mine({ blocks: 1 });
    await expect(payX402(frozen, '/frozen', { workflow: 'held' })).rejects.toMatchObject({ code: 'agent_not_active' });
    await operator.call('set_agent_status', { id: frozen.id, status: 'active' });
    await operator.call('set_workflow_status', { id: 'held', status: 'frozen' });
    await expect(payX402(frozen, '/frozen', { workflow: 'held' })).rejects.toMatchObject({ code: 'agent_not_active' });
    expect((await world.events(String(id))).map(({ type }) => type)).not.toContain('payment.signed');
    await operator.call('set_workflow_status', { id: 'held', status: 'active' });
    expect((await payX402(frozen, '/frozen', { workflow: 'held' })).payment_signature).not.toBeNull();
  });

  it('has the purse deployed where a gift filled it before it stood', async () => {
    const gifted = await world.buyer('gifted');
    await world.server.local.mint(gifted.purse, microUsdc(5_000_000n));
    await until(async () => {
      const agent = (await world.server.operator.call('get_agent', { id: gifted.id })) as {
        balances: { purse: { value: string } };
      };
      return agent.balances.purse.value === '5.00';
    });
    expect((await gifted.fetch(world.seller.url('/gift'))).status).toBe(200);
    expect((await world.payments(gifted.id)).map(({ kind }) => kind)).toEqual(['purchase']);
  });

  it('keeps to one key and one body: another request under the key is a conflict', async () => {
    const url = world.seller.url('/key');
    const body = (more: object) => ({ url, payment_required: offerOf(), ...more });
    const options = { idempotencyKey: 'one-of-my-own' };
    const first = await buyer.client.call('pay_x402', body({}), options);
    // The seller's price is not the caller's request.
    const dearer = await buyer.client.call('pay_x402', { url, payment_required: offerOf({ amount: '12' }) }, options);
    expect(dearer.payment_signature).toBe(first.payment_signature);
    const other = buyer.client.call('pay_x402', body({ method: 'POST' }), options);
    await expect(other).rejects.toMatchObject({ code: 'idempotency_conflict' });
    const payout = { idempotencyKey: 'a-payout-of-mine' };
    await buyer.client.call('pay', { payee: world.payee, amount: { value: '0.01', currency: 'USDC' } }, payout);
    await expect(buyer.client.call('pay_x402', body({}), payout)).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
  });
});

describe('An authorization that nobody redeems', () => {
  it('is not presented after its time, and its hold stays until a final block is later than validBefore', async () => {
    world.seller.offers = [world.seller.offer({ maxTimeoutSeconds: 0 })];
    const taken: Payload[] = [];
    world.seller.onPaid = (paid) => {
      taken.push(paid.payload);
      paid.response.destroy();
    };
    const url = world.seller.url('/never');
    await expect(buyer.fetch(url)).rejects.toThrow(AnswerLost);
    const [purchase] = await purchases(buyer);
    const id = String(purchase?.id);
    const [payload] = taken;
    if (!payload) throw new Error('The seller got no authorization.');
    const validBefore = Number(payload.payload.authorization.validBefore);
    await sleep(validBefore * 1000 - Date.now() + 1000);

    world.seller.headers.length = 0;
    const late = await buyer.fetch(url).catch((error: unknown) => error);
    expect(late).toBeInstanceOf(PaymentPending);
    expect((late as PaymentPending).payment).toMatchObject({ id, state: 'submitted' });
    expect(world.seller.headers).toEqual([]);

    // One block after its time: not final yet, so a reorg could still bring the transfer.
    const { client } = world.server.local;
    await client.mine({ blocks: 1 });
    await sleep(700);
    expect(await world.server.operator.call('get_payment', { id })).toMatchObject({ state: 'submitted' });
    await client.mine({ blocks: 2 });
    await world.server.until(id, ['expired']);
    const types = (await world.events(id)).map(({ type }) => type);
    expect(types.slice(-2)).toEqual(['x402.lapsed', 'payment.expired']);
    await expect(world.seller.redeem(payload)).rejects.toThrow();

    const refused = await buyer.fetch(url).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PaymentRefused);
    expect((refused as PaymentRefused).payment?.state).toBe('expired');
    expect((refused as PaymentRefused).next).toMatch(/again/);
    world.seller.onPaid = ({ response }) => serve(response, { success: true });
    expect((await buyer.fetch(url, {}, { again: 2 })).status).toBe(200);
  });
});

describe('Whatever sellers do', () => {
  it('the meters never show less than what was taken and what may still be taken', async () => {
    const agent = await world.buyer('metered', '50');
    const behaviours = ['redeem', 'late', 'never', 'refuse', 'refuse_then_redeem', 'twice'] as const;
    const seed = Date.now() % 1_000_000;
    const plan = fc.sample(
      fc.record({ does: fc.constantFrom(...behaviours), amount: fc.integer({ min: 1, max: 900_000 }) }),
      {
        numRuns: 30,
        seed,
      },
    );
    const known = new Map<string, Payload>();
    const pending: Payload[] = [];
    for (const [index, { does, amount }] of plan.entries()) {
      world.seller.offers = [world.seller.offer({ amount: String(amount) })];
      world.seller.onPaid = async ({ payload, response }) => {
        known.set(payload.payload.authorization.nonce, payload);
        if (does === 'redeem' || does === 'twice') await world.seller.redeem(payload);
        if (does === 'twice') await world.seller.redeem(payload).catch(() => undefined);
        if (does === 'late' || does === 'refuse_then_redeem') pending.push(payload);
        if (does === 'refuse' || does === 'refuse_then_redeem') serve(response, null, 402);
        else serve(response, { success: true });
      };
      await agent.fetch(world.seller.url(`/plan/${index}`));
      const late = index % 3 === 2 ? pending.shift() : undefined;
      if (late) await world.seller.redeem(late);
      await neverLow(agent, known, seed);
    }
    for (const payload of pending.splice(0)) await world.seller.redeem(payload);
    await neverLow(agent, known, seed);
    const { client } = world.server.local;
    await client.increaseTime({ seconds: 50 });
    await client.mine({ blocks: 1 });
    for (let step = 0; step < 6; step += 1) {
      await client.increaseTime({ seconds: 20 });
      await client.mine({ blocks: 1 });
      await sleep(150);
      await neverLow(agent, known, seed);
    }
    await until(async () => (await purchases(agent)).every(({ state }) => state === 'final' || state === 'expired'));
    const taken = (await world.transfers(agent.purse, PAY_TO)).reduce((sum, amount) => sum + amount, 0n);
    expect(await meterOf(agent.id), `seed ${seed}`).toBe(taken);
    expect(await balanceOf(world.server, agent.purse)).toBeGreaterThanOrEqual(0n);
    expect(await world.server.operator.call('check_ledger')).toMatchObject({ ok: true });
  });
});

/** What the agent's day shows. */
async function meterOf(agent: string): Promise<bigint> {
  const row = await world.server.bursar.store.read((tx) =>
    tx.get(
      query((db) =>
        db
          .selectFrom('meters')
          .select((eb) => eb.fn.sum<bigint | null>('total_micro').as('total'))
          .where('meter', '=', 'agent_day')
          .where('grp', 'like', `${agent}%`),
      ),
    ),
  );
  return row?.total ?? 0n;
}

/** The meter is read first: from then on exposure can only fall, since nothing is bought meanwhile. */
async function neverLow(agent: Buyer, known: Map<string, Payload>, seed: number): Promise<void> {
  const meter = await meterOf(agent.id);
  const { client, usdc } = world.server.local;
  const taken = (await world.transfers(agent.purse, PAY_TO as Address)).reduce((sum, amount) => sum + amount, 0n);
  const { timestamp } = await client.getBlock();
  let live = 0n;
  for (const { payload } of known.values()) {
    const { nonce, validBefore, value, from } = payload.authorization;
    const args = [from, nonce] as const;
    const used = await client.readContract({
      address: usdc.address,
      abi: tokenAbi,
      functionName: 'authorizationState',
      args,
    });
    if (!used && BigInt(validBefore) > timestamp) live += BigInt(value);
  }
  expect(meter, `seed ${seed}`).toBeGreaterThanOrEqual(taken + live);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i += 1) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error('It never came to that.');
}
