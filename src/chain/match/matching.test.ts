import type { Hex } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mapInOrder } from '../../core/inOrder.ts';
import { states } from '../../core/payment/states.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { query } from '../../store/statement.ts';
import {
  accountsOf,
  addAgent,
  agentStatus,
  alertsOf,
  DECISION,
  eventsOf,
  OUTSIDER,
  POLICY,
  payItem,
  paymentOf,
  stateOf,
  TREASURY,
} from '../follow/testing/books.ts';
import { type Action, logOf } from '../follow/testing/modelChain.ts';
import { endInAgreement, lastTransfer, type Scene, scene } from '../follow/testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
});
afterEach(() => endInAgreement(set));

describe('a payment from the wallet', () => {
  it('settles with its log, and becomes final when its block is', async () => {
    const payment = await set.add();
    await set.happen(set.pay(payment));
    const { tip } = set.chain;
    expect(await paymentOf(set.store, payment.id)).toMatchObject({
      state: 'settled',
      heldMicro: 0n,
      settlement: {
        txHash: tip.sent[0]?.hash,
        logIndex: 1,
        blockNumber: tip.header.number,
        blockHash: tip.header.hash,
        settledAtMs: tip.header.timestampS * 1000,
      },
    });
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 90_000_000n });
    set.chain.mineEmpty(2);
    await set.follow();
    expect(await stateOf(set.store, payment)).toBe('settled');
    await set.happen();
    expect(await stateOf(set.store, payment)).toBe('final');
    expect(await lastTransfer(set.store)).toEqual({ match_kind: 'payment', match_id: payment.id, state: 'final' });
  });

  it('settles though the server stopped before it noted that it had sent it', async () => {
    const payment = await set.add({ state: 'authorized' });
    await set.happen(set.pay(payment));
    expect(await stateOf(set.store, payment)).toBe('settled');
  });

  it('of a batch is told apart from its equals, each with a log of its own', async () => {
    const payments = await Promise.all([set.add(), set.add(), set.add({ to: OUTSIDER }), set.add()]);
    await set.happen(set.pay(...payments));
    const settled = await mapInOrder(payments, ({ id }) => paymentOf(set.store, id));
    expect(settled.map(({ state }) => state)).toEqual(['settled', 'settled', 'settled', 'settled']);
    expect(settled.map(({ settlement }) => settlement?.logIndex)).toEqual([1, 3, 5, 7]);
  });

  it('to another agent moves both books by one entry, and is a receivable there', async () => {
    const vendor = await addAgent(set.store, 'vendor');
    const payment = await set.add({ to: vendor.wallet });
    await set.happen(set.pay(payment));
    expect(await accountsOf(set.store, vendor)).toEqual({ available: 10_000_000n });
    const entries = await set.store.read((tx) =>
      tx.all(
        query((db) =>
          db
            .selectFrom('ledger_entries')
            .select('kind')
            .where('payment_id', '=', payment.id)
            .where('kind', '<>', 'reserve'),
        ),
      ),
    );
    expect(entries).toEqual([{ kind: 'settle' }]);
    const received = await set.store.read((tx) =>
      tx.get(
        query((db) =>
          db
            .selectFrom('receivables')
            .select(['agent_id', 'kind', 'payment_id', 'state'])
            .where('agent_id', '=', vendor.id),
        ),
      ),
    );
    expect(received).toEqual({ agent_id: vendor.id, kind: 'agent_payment', payment_id: payment.id, state: 'included' });
  });

  const forged: Hex = `0x${'11'.repeat(32)}`;
  it.each<[string, (payment: Payment) => Action, Record<string, Hex>]>([
    [
      'decision',
      (payment) => ({ ...set.pay(), items: [{ ...payItem(payment), decisionHash: forged }] }),
      { policy_digest: POLICY, decision_hash: forged },
    ],
    [
      'policy',
      (payment) => ({ ...set.pay(payment), policyDigest: forged }),
      { policy_digest: forged, decision_hash: DECISION },
    ],
  ])('whose event carries another %s settles, with an alert that shows both', async (_, act, shown) => {
    const payment = await set.add();
    await set.happen(act(payment));
    expect(await stateOf(set.store, payment)).toBe('settled');
    const decided = { policy_digest: `sha256:${POLICY.slice(2)}`, decision_hash: DECISION };
    expect(await alertsOf(set.store)).toMatchObject([
      { type: 'evidence_mismatch', body: { payment: payment.id, shown, decided } },
    ]);
  });
});

describe('an outflow that nothing explains', () => {
  it.each<[string, string, (payment: Payment) => Action]>([
    [
      'that no event announces',
      'no_claim',
      () => ({ kind: 'transfer', from: set.agent.wallet, to: OUTSIDER, amount: 5_000_000n }),
    ],
    [
      'with a payment id that is not ours',
      'unknown_payment',
      (payment) => ({ ...set.pay(payment), items: [{ ...payItem(payment), chainKey: `0x${'ab'.repeat(32)}` }] }),
    ],
    [
      'of another amount than the payment it names',
      'other_amount',
      (payment) => ({ ...set.pay(payment), items: [{ ...payItem(payment), amount: 9_999_999n }] }),
    ],
    [
      'to another address than the payment it names',
      'other_payee',
      (payment) => ({ ...set.pay(payment), items: [{ ...payItem(payment), payee: OUTSIDER }] }),
    ],
  ])('%s is booked, named in an alert, and freezes the agent', async (_, reason, act) => {
    const payment = await set.add();
    await set.happen(act(payment));
    expect(await lastTransfer(set.store)).toMatchObject({ match_kind: 'unexplained' });
    expect(await alertsOf(set.store)).toMatchObject([
      { type: 'unexplained_outflow', agent: set.agent.id, body: { reason } },
    ]);
    expect(await agentStatus(set.store, set.agent)).toMatchObject({ status: 'frozen' });
    expect((await agentStatus(set.store, set.agent)).status_reason).toMatch(/USDC left the wallet to 0x/);
    expect(await eventsOf(set.store, 'transfer.unexplained', 'agent.status_changed')).toHaveLength(2);
    expect(await stateOf(set.store, payment)).toBe('submitted');
  });

  it('may leave the agent with less than nothing available, while holds stand', async () => {
    await set.add({ amount: 60_000_000n });
    await set.happen({ kind: 'transfer', from: set.agent.wallet, to: OUTSIDER, amount: 70_000_000n });
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: -30_000_000n, reserved: 60_000_000n });
  });

  it('is a second log of a payment that has settled', async () => {
    const payment = await set.add();
    const { chainKey: paymentId, address: payee, amount } = payment;
    await set.happen(set.pay(payment));
    // The contract refuses this; a compromised node could still tell it.
    const args = { paymentId, payee, policyDigest: POLICY, amount, decisionHash: DECISION };
    const { balances } = set.chain.tip.after;
    expect(set.chain.mine(set.chain.send(set.pay(payment)))).toHaveLength(1);
    set.chain.mine(
      set.chain.send({
        kind: 'raw',
        logs: [
          logOf(set.agent.wallet, 'PaymentExecuted', args),
          logOf(set.chain.token, 'Transfer', { from: set.agent.wallet, to: payee, value: amount }),
        ],
      }),
    );
    set.chain.tip.after.balances.set(set.agent.wallet, (balances.get(set.agent.wallet) ?? 0n) - amount);
    await set.follow();
    expect(await alertsOf(set.store)).toMatchObject([
      { type: 'unexplained_outflow', body: { reason: 'already_settled', payment: payment.id } },
    ]);
    expect(await stateOf(set.store, payment)).toBe('settled');
  });

  it.each(states.filter((state) => !['authorized', 'submitted', 'settled', 'final'].includes(state)))(
    'is a payment that is %s: never lost, never settled',
    async (state) => {
      const held = state === 'in_review' ? 10_000_000n : 0n;
      const payment = await set.add({ state, held });
      await set.happen(set.pay(payment));
      expect(await stateOf(set.store, payment)).toBe(state);
      expect(await alertsOf(set.store)).toMatchObject([
        { type: 'unexplained_outflow', body: { reason: 'not_expected', payment: payment.id, payment_state: state } },
      ]);
      expect((await agentStatus(set.store, set.agent)).status).toBe('frozen');
    },
  );

  it('is a payment of another agent, or on another chain', async () => {
    const other = await addAgent(set.store, 'other');
    await set.happen({ kind: 'transfer', from: TREASURY, to: other.wallet, amount: 50_000_000n });
    const theirs = await set.add({ agent: other });
    const elsewhere = await set.add({ chainId: 1 });
    await set.happen(set.pay(theirs, elsewhere));
    expect((await alertsOf(set.store)).map(({ body }) => body.reason)).toEqual(['other_agent', 'other_chain']);
    expect((await agentStatus(set.store, other)).status).toBe('active');
  });
});
