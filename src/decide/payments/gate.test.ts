import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventBodies } from '../../../test/support/eventBodies.ts';
import { type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { microUsdc, parseUsdc } from '../../core/money/microUsdc.ts';
import { everyRow } from '../../store/rows.ts';
import { query } from '../../store/statement.ts';
import { setAgentStatus } from '../identity/agents.ts';
import { setSponsorStatus } from '../identity/sponsors.ts';
import { setWorkflowStatus } from '../identity/workflows.ts';
import { decisionHashOf } from '../policy/decision.ts';
import type { Policy } from '../policy/policy.ts';
import { checkPayment, requestPayment } from './gate.ts';
import type { Payment } from './payment.ts';
import type { PaymentRequest } from './request.ts';

let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

const ask = async (changes: Partial<PaymentRequest> = {}, atMs = NOON_MS): Promise<Payment> =>
  (await world.store.write((tx) => requestPayment(tx, world.request(changes), world.context({ atMs })))).payment;
const held = (agentId = world.agent.id) =>
  world.store.read(async (tx) => ({
    available: await balance(tx, agentAccount(agentId, 'available')),
    reserved: await balance(tx, agentAccount(agentId, 'reserved')),
    purse: await balance(tx, agentAccount(agentId, 'purse')),
    purseReserved: await balance(tx, agentAccount(agentId, 'purse_reserved')),
  }));
const count = async (table: string) => (await world.store.read((tx) => tx.all(everyRow(table)))).length;
const codes = (payment: Payment) => payment.reasons.map((reason) => reason.code);

describe('the gate', () => {
  it('authorizes what the policy allows, holds the money, counts it and says so', async () => {
    const payment = await ask({ amount: parseUsdc('12.50') });
    expect(payment).toMatchObject({
      state: 'authorized',
      heldMicro: 12_500_000n,
      walletNonce: 0n,
      policyDigest: world.policy.digest,
    });
    expect(await held()).toMatchObject({ available: 987_500_000n, reserved: 12_500_000n });
    expect((await eventBodies(world.store, 'payment.allowed'))[0]).toMatchObject({
      payment: payment.id,
      agent: world.agent.id,
      sponsor: world.sponsor.id,
      workflow: world.workflow.id,
      policy_digest: world.policy.digest,
    });
  });

  it('stores a decision that anyone can make again from its documents', async () => {
    const payment = await ask();
    const row = await world.store.read((tx) =>
      tx.get(
        query((db) =>
          db
            .selectFrom('decisions')
            .select(['input_json as input', 'result_json as result'])
            .where('payment_id', '=', payment.id),
        ),
      ),
    );
    const sha = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(world.policy.evaluate(row?.input ?? '').resultText).toBe(row?.result);
    expect(decisionHashOf(world.policy.digest, sha(row?.input ?? ''), sha(row?.result ?? ''))).toBe(
      payment.decisionHash,
    );
  });

  it('gives the same key the same payment, and notes the retry', async () => {
    const first = await ask({ idempotencyKey: 'order-0001' });
    const again = await world.store.write((tx) =>
      requestPayment(tx, world.request({ idempotencyKey: 'order-0001' }), world.context()),
    );
    expect(again).toMatchObject({ replayed: true, payment: { id: first.id } });
    expect((await held()).reserved).toBe(1_000_000n);
    expect((await eventBodies(world.store, 'payment.retried')).length).toBe(1);
  });

  it('refuses the same key with another body, and changes nothing', async () => {
    await ask({ idempotencyKey: 'order-0001' });
    const before = [await count('payments'), await count('events'), await count('postings')];
    await expect(ask({ idempotencyKey: 'order-0001', bodyHash: 'other' })).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    expect([await count('payments'), await count('events'), await count('postings')]).toEqual(before);
  });

  it('lets two agents use the same key', async () => {
    const other = await world.addAgent('second', '10');
    const first = await ask({ idempotencyKey: 'order-0001' });
    const second = await ask({ idempotencyKey: 'order-0001', agentId: other.id });
    expect(second.id).not.toBe(first.id);
  });

  it('records a denial with its reasons, and holds and counts nothing', async () => {
    const payment = await ask({ amount: parseUsdc('75') });
    expect(payment).toMatchObject({ state: 'denied', heldMicro: 0n, walletNonce: null });
    expect(codes(payment)).toContain('payment_cap');
    expect(await held()).toMatchObject({ available: 1_000_000_000n, reserved: 0n });
    expect(await count('meter_entries')).toBe(0);
  });

  it('holds the money of what people must decide', async () => {
    const payment = await ask({ amount: parseUsdc('30') });
    expect(payment).toMatchObject({ state: 'in_review', heldMicro: 30_000_000n, walletNonce: null });
    expect(payment.reviewExpiresAtMs).toBe(NOON_MS + 86_400_000);
    expect((await held()).reserved).toBe(30_000_000n);
  });

  it('denies what the agent cannot cover, though the policy would allow it', async () => {
    const poor = await world.addAgent('poor', '3');
    const payment = await ask({ agentId: poor.id, amount: parseUsdc('3.000001') });
    expect(payment.state).toBe('denied');
    expect(codes(payment)).toEqual(['insufficient_funds']);
    expect((await ask({ agentId: poor.id, amount: parseUsdc('3') })).state).toBe('authorized');
  });

  it('never pays the zero address, the token or the paying wallet itself', async () => {
    const wallet = world.agent.wallet;
    const forbidden = [
      numbered(0),
      '0x5FbDB2315678afecb367f032d93F642f64180aa3' as const,
      wallet?.address,
      wallet?.purse,
    ];
    for (const address of forbidden) {
      await expect(ask({ payee: null, address: address ?? null })).rejects.toMatchObject({ code: 'forbidden_address' });
    }
    expect(await count('payments')).toBe(0);
  });

  it('names what does not exist', async () => {
    await expect(ask({ payee: 'nobody' })).rejects.toMatchObject({ code: 'payee_not_found' });
    await expect(ask({ workflow: { ref: 'none', run: null } })).rejects.toMatchObject({ code: 'workflow_not_found' });
  });

  it('sends what the wallet contract would refuse to people', async () => {
    const small = await world.addAgent('small ceilings', '100', '10');
    const payment = await ask({ agentId: small.id, amount: parseUsdc('10.000001') });
    expect(payment).toMatchObject({ state: 'in_review', requiresChainApproval: true, review: { quorum: 1 } });
    expect(codes(payment)).toContain('above_ceiling');
  });

  it('denies it where the wallet has no approvers', async () => {
    const alone = await world.addAgent('alone', '100', '10', 0);
    const payment = await ask({ agentId: alone.id, amount: parseUsdc('10.000001') });
    expect(payment.state).toBe('denied');
    expect(codes(payment)).toEqual(['above_ceiling']);
  });

  it('writes nothing on a dry run', async () => {
    const tables = ['payments', 'decisions', 'postings', 'meters', 'meter_entries', 'events'];
    const before = await mapInOrder(tables, (table) => count(table));
    const { effect } = await world.store.read((tx) => checkPayment(tx, world.request(), world.context()));
    expect(effect).toBe('allow');
    expect(await mapInOrder(tables, (table) => count(table))).toEqual(before);
  });

  it('takes a wallet nonce only with authority to pay, each once', async () => {
    const nonces = [await ask(), await ask({ amount: parseUsdc('75') }), await ask()].map(
      (payment) => payment.walletNonce,
    );
    expect(nonces).toEqual([0n, null, 1n]);
  });
});

describe('behind every policy', () => {
  /** A policy that forgets everything: allows whatever it is asked. */
  const careless: Policy = {
    digest: `sha256:${'c'.repeat(64)}`,
    meters: {},
    settings: { timezone: 'UTC', x402: { maxValiditySeconds: 60, floatTarget: microUsdc(1_000_000n) } },
    sponsorMayApprove: false,
    reads: { amount: new Set(), time: new Set() },
    route: ({ receivable }) => ({ legs: [], keptMicro: BigInt(receivable.amount) }),
    evaluate: () => {
      const decision = {
        effect: 'allow',
        reasons: [{ code: 'allowed', rule: 'decision', message: 'Yes.' }],
        review: null,
      } as const;
      return { decision: { ...decision, reasons: [...decision.reasons] }, resultText: JSON.stringify(decision) };
    },
  };
  const act = { actor: 'test', atMs: NOON_MS };

  it.each([
    [
      'agent',
      () => world.store.write((tx) => setAgentStatus(tx, act, world.agent.id, { status: 'frozen', reason: null })),
    ],
    ['sponsor', () => world.store.write((tx) => setSponsorStatus(tx, act, world.sponsor.id, 'frozen'))],
    ['workflow', () => world.store.write((tx) => setWorkflowStatus(tx, act, world.workflow.id, 'revoked'))],
  ])('a frozen or revoked %s pays nothing', async (_, stop) => {
    await world.store.close();
    world = await gateWorld(careless);
    expect((await ask()).state).toBe('authorized');
    await stop();
    const payment = await ask();
    expect(payment.state).toBe('denied');
    expect(codes(payment)).toEqual(['agent_not_active']);
  });

  it('a host that is nobody’s is not paid at a known payee’s address, whatever the policy says', async () => {
    await world.store.close();
    world = await gateWorld(careless);
    const payment = await ask({ payee: null, host: 'evil.example', address: numbered(0xc0ffee) });
    expect(payment.state).toBe('denied');
    expect(codes(payment)).toEqual(['host_not_known']);
  });

  it('an agent never spends more than it has', async () => {
    await world.store.close();
    world = await gateWorld(careless);
    const states = [];
    for (let i = 0; i < 5; i += 1) states.push((await ask({ amount: parseUsdc('300') })).state);
    expect(states).toEqual(['authorized', 'authorized', 'authorized', 'denied', 'denied']);
  });
});

describe('an x402 purchase', () => {
  const purchase = (amount: string): Partial<PaymentRequest> => ({
    kind: 'purchase',
    rail: 'x402',
    payee: null,
    host: 'grace.example',
    address: numbered(0xc0ffee),
    amount: parseUsdc(amount),
    x402: {
      path: '/',
      method: 'GET',
      scheme: 'exact',
      payment_flow: 'authorization',
      max_timeout_seconds: 60,
      resource: 'https://grace.example/',
      description: null,
    },
  });
  const topUpOf = (payment: Payment) =>
    world.store.read((tx) =>
      tx.get(query((db) => db.selectFrom('payments').selectAll().where('funds_payment', '=', payment.id))),
    );

  it('opens a top-up through the gate when the purse has too little, and holds in the wallet meanwhile', async () => {
    const payment = await ask(purchase('0.25'));
    expect(payment).toMatchObject({ state: 'authorized', heldMicro: 0n, rail: 'x402' });
    expect(await topUpOf(payment)).toMatchObject({ amount_micro: 1_000_000n, state: 'authorized' });
    expect(await held()).toMatchObject({ available: 999_000_000n, reserved: 1_000_000n, purse: 0n });
  });

  it('is refused with nothing held when the wallet cannot cover the purse', async () => {
    const poor = await world.addAgent('poor', '0.20');
    const payment = await ask({ ...purchase('0.25'), agentId: poor.id });
    expect(payment.state).toBe('denied');
    expect(codes(payment)).toEqual(['insufficient_funds']);
    expect(await held(poor.id)).toMatchObject({ available: 200_000n, reserved: 0n });
  });

  it('asks people where a host that is nobody’s asks for payment to a known payee, and says what an operator does', async () => {
    for (const host of ['evil.example', 'grace.example.', 'grace.example:8443']) {
      const payment = await ask({ ...purchase('0.25'), host });
      expect(payment).toMatchObject({ state: 'in_review' });
      expect(codes(payment)).toEqual(['host_not_known']);
      expect(payment.reasons[0]?.message).toContain(`--hosts ${host}`);
    }
    const nobody = await ask({ ...purchase('0.25'), host: 'evil.example', address: numbered(0xbad) });
    expect(nobody).toMatchObject({ state: 'denied', payeeId: null });
  });
});
