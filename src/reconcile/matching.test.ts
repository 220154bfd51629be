import type { Hex } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Payment } from '../payments/payment.ts';
import { states } from '../payments/states.ts';
import {
  accountsOf,
  addAgent,
  addPayment,
  addressFrom,
  agentStatus,
  alertsOf,
  DECISION,
  eventsOf,
  nonceOf,
  POLICY,
  payItem,
  paymentOf,
  SELLER,
  STRANGER,
  stateOf,
  type TestPayment,
  TREASURY,
} from './testing/books.ts';
import { type Action, logOf, type RawLog } from './testing/modelChain.ts';
import { findings, type Scene, scene } from './testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
});
afterEach(async () => {
  expect(await findings(set)).toEqual([]);
  await set.store.close();
});

const add = (input: Partial<TestPayment> = {}): Promise<Payment> =>
  set.store.write((tx) => addPayment(tx, { agent: set.agent, to: SELLER, amount: 10_000_000n, ...input }));
const pay = (...payments: Payment[]): Action => ({
  kind: 'pay',
  wallet: set.agent.wallet,
  policyDigest: POLICY,
  items: payments.map(payItem),
});
const lastTransfer = (store = set.store) =>
  store.read((tx) =>
    tx.get<{ match_kind: string; match_id: string | null; state: string }>(
      'SELECT match_kind, match_id, state FROM transfers ORDER BY block_number DESC, log_index DESC LIMIT 1',
    ),
  );

describe('a payment from the wallet', () => {
  it('settles with its log, and becomes final when its block is', async () => {
    const payment = await add();
    await set.happen(pay(payment));
    const { tip } = set.chain;
    expect(paymentOf(set.store, payment.id)).toMatchObject({
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
    expect(accountsOf(set.store, set.agent)).toEqual({ available: 90_000_000n });
    set.chain.mineEmpty(2);
    await set.follow();
    expect(stateOf(set.store, payment)).toBe('settled');
    await set.happen();
    expect(stateOf(set.store, payment)).toBe('final');
    expect(lastTransfer()).toEqual({ match_kind: 'payment', match_id: payment.id, state: 'final' });
  });

  it('settles though the server stopped before it noted that it had sent it', async () => {
    const payment = await add({ state: 'authorized' });
    await set.happen(pay(payment));
    expect(stateOf(set.store, payment)).toBe('settled');
  });

  it('of a batch is told apart from its equals, each with a log of its own', async () => {
    const payments = await Promise.all([add(), add(), add({ to: STRANGER }), add()]);
    await set.happen(pay(...payments));
    const settled = payments.map(({ id }) => paymentOf(set.store, id));
    expect(settled.map(({ state }) => state)).toEqual(['settled', 'settled', 'settled', 'settled']);
    expect(settled.map(({ settlement }) => settlement?.logIndex)).toEqual([1, 3, 5, 7]);
  });

  it('to another agent moves both books by one entry, and is a receivable there', async () => {
    const vendor = await addAgent(set.store, 'vendor');
    const payment = await add({ to: vendor.wallet });
    await set.happen(pay(payment));
    expect(accountsOf(set.store, vendor)).toEqual({ available: 10_000_000n });
    const entries = set.store.read((tx) =>
      tx.all("SELECT kind FROM ledger_entries WHERE payment_id = ? AND kind <> 'reserve'", payment.id),
    );
    expect(entries).toEqual([{ kind: 'settle' }]);
    const received = set.store.read((tx) =>
      tx.get('SELECT agent_id, kind, payment_id, state FROM receivables WHERE agent_id = ?', vendor.id),
    );
    expect(received).toEqual({ agent_id: vendor.id, kind: 'agent_payment', payment_id: payment.id, state: 'included' });
  });

  const forged: Hex = `0x${'11'.repeat(32)}`;
  it.each<[string, (payment: Payment) => Action, Record<string, Hex>]>([
    [
      'decision',
      (payment) => ({ ...pay(), items: [{ ...payItem(payment), decisionHash: forged }] }) as Action,
      { policy_digest: POLICY, decision_hash: forged },
    ],
    [
      'policy',
      (payment) => ({ ...pay(payment), policyDigest: forged }) as Action,
      { policy_digest: forged, decision_hash: DECISION },
    ],
  ])('whose event carries another %s settles, with an alert that shows both', async (_, act, shown) => {
    const payment = await add();
    await set.happen(act(payment));
    expect(stateOf(set.store, payment)).toBe('settled');
    const decided = { policy_digest: `sha256:${POLICY.slice(2)}`, decision_hash: DECISION };
    expect(alertsOf(set.store)).toMatchObject([
      { type: 'evidence_mismatch', body: { payment: payment.id, shown, decided } },
    ]);
  });
});

describe('an outflow that nothing explains', () => {
  it.each<[string, string, (payment: Payment) => Action]>([
    [
      'that no event announces',
      'no_claim',
      () => ({ kind: 'transfer', from: set.agent.wallet, to: STRANGER, amount: 5_000_000n }),
    ],
    [
      'with a payment id that is not ours',
      'unknown_payment',
      (payment) => ({ ...pay(payment), items: [{ ...payItem(payment), chainKey: `0x${'ab'.repeat(32)}` }] }) as Action,
    ],
    [
      'of another amount than the payment it names',
      'other_amount',
      (payment) => ({ ...pay(payment), items: [{ ...payItem(payment), amount: 9_999_999n }] }) as Action,
    ],
    [
      'to another address than the payment it names',
      'other_payee',
      (payment) => ({ ...pay(payment), items: [{ ...payItem(payment), payee: STRANGER }] }) as Action,
    ],
  ])('%s is booked, named in an alert, and freezes the agent', async (_, reason, act) => {
    const payment = await add();
    await set.happen(act(payment));
    expect(lastTransfer()).toMatchObject({ match_kind: 'unexplained' });
    expect(alertsOf(set.store)).toMatchObject([{ type: 'unexplained_outflow', agent: set.agent.id, body: { reason } }]);
    expect(agentStatus(set.store, set.agent)).toMatchObject({ status: 'frozen' });
    expect(agentStatus(set.store, set.agent).status_reason).toMatch(/USDC left the wallet to 0x/);
    expect(eventsOf(set.store, 'transfer.unexplained', 'agent.status_changed')).toHaveLength(2);
    expect(stateOf(set.store, payment)).toBe('submitted');
  });

  it('may leave the agent with less than nothing available, while holds stand', async () => {
    await add({ amount: 60_000_000n });
    await set.happen({ kind: 'transfer', from: set.agent.wallet, to: STRANGER, amount: 70_000_000n });
    expect(accountsOf(set.store, set.agent)).toEqual({ available: -30_000_000n, reserved: 60_000_000n });
  });

  it('is a second log of a payment that has settled', async () => {
    const payment = await add();
    const { chainKey: paymentId, address: payee, amount } = payment;
    await set.happen(pay(payment));
    // The contract refuses this; a compromised node could still tell it.
    const args = { paymentId, payee, policyDigest: POLICY, token: set.chain.token, amount, decisionHash: DECISION };
    const { balances } = set.chain.tip.after;
    expect(set.chain.mine(set.chain.send(pay(payment)))).toHaveLength(1);
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
    expect(alertsOf(set.store)).toMatchObject([
      { type: 'unexplained_outflow', body: { reason: 'already_settled', payment: payment.id } },
    ]);
    expect(stateOf(set.store, payment)).toBe('settled');
  });

  it.each(states.filter((state) => !['authorized', 'submitted', 'settled', 'final'].includes(state)))(
    'is a payment that is %s: never lost, never settled',
    async (state) => {
      const held = state === 'in_review' ? 10_000_000n : 0n;
      const payment = await add({ state, held });
      await set.happen(pay(payment));
      expect(stateOf(set.store, payment)).toBe(state);
      expect(alertsOf(set.store)).toMatchObject([
        { type: 'unexplained_outflow', body: { reason: 'not_expected', payment: payment.id, payment_state: state } },
      ]);
      expect(agentStatus(set.store, set.agent).status).toBe('frozen');
    },
  );

  it('is a payment of another agent, or on another chain', async () => {
    const other = await addAgent(set.store, 'other');
    await set.happen({ kind: 'transfer', from: TREASURY, to: other.wallet, amount: 50_000_000n });
    const theirs = await add({ agent: other });
    const elsewhere = await add({ chainId: 1 });
    await set.happen(pay(theirs, elsewhere));
    expect(alertsOf(set.store).map(({ body }) => body.reason)).toEqual(['other_agent', 'other_chain']);
    expect(agentStatus(set.store, other).status).toBe('active');
  });
});

describe('logs that are not what they look like', () => {
  const fake = addressFrom('fake token');
  it.each<[string, (payment: Payment) => RawLog[]]>([
    [
      'a transfer that another token tells',
      (payment) => [
        logOf(set.agent.wallet, 'PaymentExecuted', executed(payment, fake)),
        logOf(fake, 'Transfer', { from: set.agent.wallet, to: payment.address, value: payment.amount }),
      ],
    ],
    [
      'a deposit that another token tells',
      () => [logOf(fake, 'Transfer', { from: TREASURY, to: set.agent.wallet, value: 1_000_000n })],
    ],
    [
      'a payment that a contract tells which is no wallet of ours',
      (payment) => [logOf(fake, 'PaymentExecuted', executed(payment, set.chain.token))],
    ],
    [
      'a transfer of nothing out of the wallet',
      () => [logOf(set.chain.token, 'Transfer', { from: set.agent.wallet, to: STRANGER, value: 0n })],
    ],
  ])('%s moves nothing and alarms nobody', async (_, logs) => {
    const payment = await add();
    const before = accountsOf(set.store, set.agent);
    await set.happen({ kind: 'raw', logs: logs(payment) });
    expect(accountsOf(set.store, set.agent)).toEqual(before);
    expect(stateOf(set.store, payment)).toBe('submitted');
    expect(alertsOf(set.store)).toEqual([]);
    expect(agentStatus(set.store, set.agent).status).toBe('active');
  });

  it('a stranger who tells of our payment right before its own money comes in gets it into suspense, no more', async () => {
    const payment = await add();
    await set.happen({
      kind: 'raw',
      logs: [
        logOf(fake, 'PaymentExecuted', executed(payment, set.chain.token)),
        logOf(set.chain.token, 'Transfer', { from: STRANGER, to: set.agent.wallet, value: 10_000_000n }),
      ],
    });
    set.chain.tip.after.balances.set(set.agent.wallet, 110_000_000n);
    expect(stateOf(set.store, payment)).toBe('submitted');
    expect(accountsOf(set.store, set.agent)).toMatchObject({ suspense: 10_000_000n });
  });

  it('a payment event that no transfer follows settles nothing and is reported', async () => {
    const payment = await add();
    await set.happen({
      kind: 'raw',
      logs: [logOf(set.agent.wallet, 'PaymentExecuted', executed(payment, set.chain.token))],
    });
    expect(stateOf(set.store, payment)).toBe('submitted');
    expect(alertsOf(set.store)).toMatchObject([{ type: 'claim_without_transfer', agent: set.agent.id }]);
  });

  function executed(payment: Payment, token: Hex): Record<string, Hex | bigint> {
    const { chainKey: paymentId, address: payee, amount } = payment;
    return { paymentId, payee, policyDigest: POLICY, token, amount, decisionHash: DECISION };
  }
});

describe('money that comes in', () => {
  it('from the treasury is a deposit, in the wallet and in the purse', async () => {
    await set.happen({ kind: 'transfer', from: TREASURY, to: set.agent.purse, amount: 2_000_000n });
    expect(accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n, purse: 2_000_000n });
    const kinds = set.store.read((tx) => tx.all('SELECT kind FROM receivables ORDER BY block_number'));
    expect(kinds).toEqual([{ kind: 'deposit' }, { kind: 'deposit' }]);
    expect(alertsOf(set.store)).toEqual([]);
  });

  it('from anybody else waits in suspense; however much dust, one alert counts it and nobody is frozen', async () => {
    await set.happen({ kind: 'mint', to: STRANGER, amount: 10n });
    const dust: Action = { kind: 'transfer', from: STRANGER, to: set.agent.wallet, amount: 1n };
    await set.happen(dust, dust, dust);
    expect(accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n, suspense: 3n });
    expect(alertsOf(set.store)).toMatchObject([{ type: 'unmatched_inflow', body: { count: 3 } }]);
    expect(agentStatus(set.store, set.agent).status).toBe('active');
  });
});

describe('what owners and guardians do', () => {
  it('a withdrawal is the owner’s, freezes nobody, and somebody is told', async () => {
    await set.happen({ kind: 'withdraw', wallet: set.agent.wallet, to: STRANGER, amount: 40_000_000n });
    expect(accountsOf(set.store, set.agent)).toEqual({ available: 60_000_000n });
    expect(lastTransfer()).toMatchObject({ match_kind: 'internal', match_id: 'withdraw' });
    expect(alertsOf(set.store)).toMatchObject([{ type: 'owner_withdrawal' }]);
    expect(agentStatus(set.store, set.agent).status).toBe('active');
  });

  it('a sweep brings the purse back into the wallet, also what purchases still hold', async () => {
    await set.happen({ kind: 'transfer', from: TREASURY, to: set.agent.purse, amount: 3_000_000n });
    const sweep: Action = { kind: 'transfer', from: set.agent.purse, to: set.agent.wallet, amount: 1_000_000n };
    await set.happen(sweep);
    expect(accountsOf(set.store, set.agent)).toEqual({ available: 101_000_000n, purse: 2_000_000n });
    await add({ rail: 'x402', kind: 'purchase', amount: 1_500_000n });
    await set.happen({ ...sweep, amount: 2_000_000n });
    expect(accountsOf(set.store, set.agent)).toEqual({
      available: 103_000_000n,
      purse: -1_500_000n,
      purse_reserved: 1_500_000n,
    });
    expect(eventsOf(set.store, 'purse.swept')).toHaveLength(2);
    expect(alertsOf(set.store)).toEqual([]);
  });

  it('a freeze of the wallet is in the event log', async () => {
    await set.happen({ kind: 'freeze', wallet: set.agent.wallet, caller: STRANGER });
    expect(eventsOf(set.store, 'wallet.frozen')).toHaveLength(1);
  });
});

describe('an x402 purchase', () => {
  const authorize = (payment: Payment, more: Partial<Action & { kind: 'authorized' }> = {}): Action => ({
    kind: 'authorized',
    purse: set.agent.purse,
    nonce: nonceOf(payment.id),
    to: payment.address,
    amount: payment.amount,
    validBefore: 4_000_000_000,
    ...more,
  });
  beforeEach(async () => {
    await set.happen({ kind: 'transfer', from: TREASURY, to: set.agent.purse, amount: 5_000_000n });
  });

  it('settles by its nonce, and is a sale where the seller is an agent of ours', async () => {
    const vendor = await addAgent(set.store, 'vendor');
    const payment = await add({ rail: 'x402', kind: 'purchase', amount: 2_000_000n, to: vendor.wallet });
    await set.happen(authorize(payment));
    expect(stateOf(set.store, payment)).toBe('settled');
    expect(accountsOf(set.store, set.agent)).toMatchObject({ purse: 3_000_000n });
    expect(accountsOf(set.store, vendor)).toEqual({ available: 2_000_000n });
    expect(set.store.read((tx) => tx.get('SELECT kind FROM receivables WHERE agent_id = ?', vendor.id))).toEqual({
      kind: 'x402_sale',
    });
  });

  it.each<[string, string, Partial<Action & { kind: 'authorized' }>]>([
    ['an unknown nonce', 'unknown_payment', { nonce: `0x${'cd'.repeat(32)}` }],
    ['another amount', 'other_amount', { amount: 1n }],
    ['another payee', 'other_payee', { to: STRANGER }],
  ])('with %s is an unexplained outflow of the purse', async (_, reason, more) => {
    const payment = await add({ rail: 'x402', kind: 'purchase', amount: 2_000_000n });
    await set.happen(authorize(payment, more));
    expect(alertsOf(set.store)).toMatchObject([{ type: 'unexplained_outflow', body: { reason, place: 'purse' } }]);
    expect(stateOf(set.store, payment)).toBe('submitted');
    expect(agentStatus(set.store, set.agent).status).toBe('frozen');
  });

  it('that waited for its top-up holds its money as soon as that settles, and can then be paid', async () => {
    const purchase = await add({
      rail: 'x402',
      kind: 'purchase',
      amount: 8_000_000n,
      held: 5_000_000n,
      state: 'authorized',
    });
    const topUp = await add({ kind: 'top_up', amount: 4_000_000n, to: set.agent.purse, fundsPayment: purchase.id });
    await set.happen(pay(topUp));
    expect(stateOf(set.store, topUp)).toBe('settled');
    expect(paymentOf(set.store, purchase.id)).toMatchObject({ state: 'authorized', heldMicro: 8_000_000n });
    expect(accountsOf(set.store, set.agent)).toEqual({
      available: 96_000_000n,
      purse: 1_000_000n,
      purse_reserved: 8_000_000n,
    });
    expect(
      set.store.read((tx) => tx.get('SELECT count(*) AS n FROM receivables WHERE payment_id = ?', topUp.id)),
    ).toEqual({ n: 0n });
    await set.happen(authorize(purchase));
    expect(stateOf(set.store, purchase)).toBe('settled');
  });

  it('that was cancelled while its top-up was on its way leaves the money free in the purse', async () => {
    const purchase = await add({ rail: 'x402', kind: 'purchase', amount: 8_000_000n, held: 0n, state: 'cancelled' });
    const topUp = await add({ kind: 'top_up', amount: 8_000_000n, to: set.agent.purse, fundsPayment: purchase.id });
    await set.happen(pay(topUp));
    expect(accountsOf(set.store, set.agent)).toEqual({ available: 92_000_000n, purse: 13_000_000n });
  });

  it('whose top-up no longer suffices stays as it was, with an alert', async () => {
    const purchase = await add({ rail: 'x402', kind: 'purchase', amount: 8_000_000n, held: 0n, state: 'authorized' });
    await add({ rail: 'x402', kind: 'purchase', amount: 5_000_000n });
    const topUp = await add({ kind: 'top_up', amount: 3_000_000n, to: set.agent.purse, fundsPayment: purchase.id });
    await set.happen(pay(topUp));
    expect(paymentOf(set.store, purchase.id)).toMatchObject({ state: 'authorized', heldMicro: 0n });
    expect(alertsOf(set.store)).toMatchObject([{ type: 'top_up_short', body: { missing_micro: '8000000' } }]);
  });
});
