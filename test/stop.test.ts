import { setTimeout as sleep } from 'node:timers/promises';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { ownerCalls } from '../src/chain/contracts/agentWallet.ts';
import { readWalletState } from '../src/chain/contracts/walletState.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import { ownerCallTypedData } from '../src/control/owner/signedCall.ts';
import { query } from '../src/store/statement.ts';
import { encode, type Payload, serve } from './support/hostileSeller.ts';
import { type Buyer, balanceOf, PAY_TO, type X402World, x402World } from './support/x402World.ts';

let world: X402World;
let payee: string;
let count = 0;

beforeAll(async () => {
  world = await x402World();
  const made = await world.server.operator.call('create_payee', {
    name: 'Grace',
    kind: 'contractor',
    categories: ['contractor'],
    address: privateKeyToAddress(generatePrivateKey()),
    verified: true,
  });
  payee = String(made.id);
});
afterAll(() => world.end());
// A test that fails with mining off must not take the next ones with it.
afterEach(() => world.server.local.client.setAutomine(true));
beforeEach(() => {
  world.seller.offers = [world.seller.offer()];
  world.seller.onPaid = async ({ payload, response }) => {
    serve(response, { success: true, transaction: await world.seller.redeem(payload) });
  };
});

const usdc = (value: string) => ({ value, currency: 'USDC' });
const key = () => {
  count += 1;
  return { idempotencyKey: `stopping-${count}` };
};
const sign = async (buyer: Buyer, path: string) =>
  buyer.client.call('pay_x402', {
    url: world.seller.url(path),
    payment_required: encode({ x402Version: 2, resource: { url: 'x' }, accepts: [world.seller.offer()] }),
  });
const payloadOf = (answer: Record<string, unknown>): Payload =>
  JSON.parse(Buffer.from(String(answer.payment_signature), 'base64').toString()) as Payload;
const state = (buyer: Buyer) => readWalletState(world.server.bursar.chain, buyer.wallet as `0x${string}`);
async function until(what: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 900; i += 1) {
    if (await what()) return;
    await sleep(50);
  }
  throw new Error('It did not come to that.');
}
const stopOf = (buyer: Buyer) => world.server.operator.call('get_stop', { id: buyer.id });
const ended = (buyer: Buyer) => until(async () => (await stopOf(buyer)).state === 'ended');
const guardian = () => world.server.keys.address('guardian');
const ledger = () => world.server.operator.call('check_ledger');

describe('stop_agent', () => {
  it('ends keys, schedules and mandates, cancels a live authorization, sweeps the purse and freezes the wallet', async () => {
    const { operator } = world.server;
    const buyer = await world.buyer('runaway');
    const signed = await sign(buyer, '/live');
    expect(signed.payment_signature).not.toBeNull();
    await operator.call('create_schedule', {
      agent: buyer.id,
      name: 'rent',
      payee,
      amount: usdc('1.00'),
      rrule: 'FREQ=DAILY',
      starts_at: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const started = await operator.call('stop_agent', { id: buyer.id, reason: 'it buys too much' });
    expect(started).toMatchObject({ state: 'stopping', server: { keys_revoked: 1, schedules_paused: 1 } });
    expect(Number((started.at_risk as { value: string }).value)).toBeGreaterThan(0);
    await expect(sign(buyer, '/after')).rejects.toMatchObject({ code: 'unauthenticated' });
    await ended(buyer);
    const stop = await stopOf(buyer);
    expect(stop).toMatchObject({ at_risk: usdc('0.00'), risk: { live_authorizations: usdc('0.00') } });
    expect((stop.steps as { step: string; state: string }[]).map(({ step, state }) => `${step} ${state}`)).toEqual([
      'freeze done',
      'cancel_authorizations done',
      'sweep_purse done',
      'signed_payments done',
    ]);
    expect(Number(stop.seconds)).toBeGreaterThan(0);
    expect(await state(buyer)).toMatchObject({ frozen: true, purseBalance: 0n });
    expect(await operator.call('get_payment', { id: String(signed.id) })).toMatchObject({ state: 'cancelled' });
    await expect(world.seller.redeem(payloadOf(signed))).rejects.toThrow();
    expect(await balanceOf(world.server, PAY_TO)).toBe(0n);
    const { balances } = await operator.call('get_agent', { id: buyer.id });
    expect(balances).toMatchObject({ available: usdc('20.00'), reserved: usdc('0.00'), purse: usdc('0.00') });
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('lets what was signed before settle or revert, signs nothing after, and the books agree', async () => {
    const { operator, local } = world.server;
    const buyer = await world.buyer('racer');
    const first = await operator.call('pay', { agent: buyer.id, payee, amount: usdc('1.00') }, key());
    await world.server.until(String(first.id), ['settled', 'final']);
    await local.client.setAutomine(false);
    const ids: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      const paid = await operator.call('pay', { agent: buyer.id, payee, amount: usdc('0.50') }, key());
      ids.push(String(paid.id));
      if (i === 2) await until(async () => (await operator.call('get_payment', { id: ids[0] })).state === 'submitted');
    }
    const stopped = await operator.call('stop_agent', { id: buyer.id, reason: 'a race' });
    const atStop = Date.parse(String(stopped.started_at));
    expect(Number((stopped.at_risk as { value: string }).value)).toBeGreaterThanOrEqual(0.5);
    await local.client.setAutomine(true);
    await local.client.mine({ blocks: 1 });
    await ended(buyer);
    const states = await Promise.all(ids.map(async (id) => (await operator.call('get_payment', { id })).state));
    expect(new Set([...states, 'final', 'cancelled', 'failed'])).toEqual(new Set(['final', 'cancelled', 'failed']));
    expect(states).toContain('cancelled');
    const attempts = await world.server.bursar.store.read((tx) =>
      tx.all(
        query((db) =>
          db
            .selectFrom('transaction_payments as tp')
            .innerJoin('transaction_attempts as a', 'a.transaction_id', 'tp.transaction_id')
            .innerJoin('payments as p', 'p.id', 'tp.payment_id')
            .select((eb) => eb.fn.min<bigint>('a.signed_at').as('signed_at'))
            .where('p.agent_id', '=', buyer.id)
            .groupBy('a.transaction_id'),
        ),
      ),
    );
    expect(attempts.filter(({ signed_at }) => Number(signed_at) > atStop)).toEqual([]);
    expect(await state(buyer)).toMatchObject({ frozen: true });
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('is raced by a seller who redeems at the same moment: paid once, and nothing is left at risk', async () => {
    const { operator, local } = world.server;
    const buyer = await world.buyer('redeemed');
    const signed = await sign(buyer, '/race');
    const other = await sign(buyer, '/race-2');
    expect(other.payment_signature).not.toBeNull();
    await local.client.setAutomine(false);
    const redeeming = world.seller.redeem(payloadOf(signed));
    await operator.call('stop_agent', { id: buyer.id, reason: 'a race' });
    await until(
      async () => (await local.client.getTransactionCount({ address: await guardian(), blockTag: 'pending' })) > 0,
    );
    await local.client.mine({ blocks: 1 });
    await local.client.setAutomine(true);
    await redeeming;
    await ended(buyer);
    expect(await stopOf(buyer)).toMatchObject({ at_risk: usdc('0.00') });
    expect(await balanceOf(world.server, PAY_TO)).toBe(10_000n);
    expect((await operator.call('get_payment', { id: String(signed.id) })).state).toBe('final');
    expect((await operator.call('get_payment', { id: String(other.id) })).state).toBe('cancelled');
    expect(await state(buyer)).toMatchObject({ frozen: true, purseBalance: 0n });
    expect(await ledger()).toMatchObject({ ok: true });
  });

  it('needs the owner on chain and an operator here before it goes on', async () => {
    const { operator, keys, local } = world.server;
    const buyer = await world.buyer('paused');
    const pay = async () => {
      const { id } = await operator.call('pay', { agent: buyer.id, payee, amount: usdc('1.00') }, key());
      return world.server.until(String(id), ['settled', 'final', 'failed', 'denied']);
    };
    expect((await pay()).state).not.toBe('failed');
    await expect(operator.call('stop_agent', { id: 'nobody', reason: 'x' })).rejects.toMatchObject({
      code: 'agent_not_found',
    });
    const both = await Promise.all([
      operator.call('stop_agent', { id: buyer.id, reason: 'a look' }),
      operator.call('stop_agent', { id: buyer.id, reason: 'a look' }),
    ]);
    expect(both[0]?.started_at).toBe(both[1]?.started_at);
    await ended(buyer);
    expect(await pay()).toMatchObject({ state: 'denied' });
    await operator.call('set_agent_status', { id: buyer.id, status: 'active' });
    expect((await pay()).state).toBe('failed');
    const call = ownerCalls.unfreeze(buyer.wallet as `0x${string}`);
    // The guardian's key is used by another program: from here on the server's own sender queue for it stands still.
    await expect(sendInOrder(local.client, await keyAccount(keys, 'guardian'), [call])).rejects.toThrow(/reverted/);
    const prepared = await operator.call('prepare_owner_call', { id: buyer.id, action: 'unfreeze' });
    expect(prepared).toMatchObject({ to: call.to, data: call.data, method: 'unfreeze', server_sends: true });
    const expiresAtS = Math.floor(Date.now() / 1000) + 300;
    const typedData = ownerCallTypedData(Number(prepared.chain_id), call, expiresAtS);
    const requested = { id: buyer.id, action: 'unfreeze', expires_at: new Date(expiresAtS * 1000).toISOString() };
    const forged = await keys.signTypedData('guardian', typedData);
    await expect(operator.call('send_owner_call', { ...requested, signature: forged })).rejects.toMatchObject({
      code: 'approval_invalid',
    });
    const signature = await keys.signTypedData('owner', typedData);
    const sent = await operator.call('send_owner_call', { ...requested, signature });
    const again = await operator.call('send_owner_call', { ...requested, signature });
    expect(again.transaction).toBe(sent.transaction);
    await expect(operator.call('send_owner_call', { ...requested, action: 'freeze', signature })).rejects.toMatchObject(
      {
        code: 'approval_invalid',
      },
    );
    await until(async () => {
      const now = await operator.call('get_owner_call', { transaction: String(sent.transaction) });
      return now.succeeded === true;
    });
    expect((await pay()).state).not.toBe('failed');
  });

  it('stops everyone with one call, also while the guardian key is stuck', async () => {
    const { operator } = world.server;
    const buyers = [await world.buyer('one'), await world.buyer('two')];
    const paid = await operator.call('pay', { agent: 'one', payee, amount: usdc('1.00') }, key());
    await world.server.until(String(paid.id), ['settled', 'final']);
    const { stops } = await operator.call('stop_all', { reason: 'the operator key was stolen' });
    expect((stops as { agent: string }[]).map(({ agent }) => agent)).toEqual(
      expect.arrayContaining(buyers.map(({ id }) => id)),
    );
    for (const buyer of buyers) await ended(buyer);
    expect((await state(buyers[0] as Buyer))?.frozen).toBe(true);
    expect(await operator.call('list_stops', {})).toMatchObject({ at_risk: usdc('0.00') });
    const { agents } = await operator.call('list_agents', {});
    expect((agents as { status: string }[]).every(({ status }) => status === 'frozen')).toBe(true);
  });
});
