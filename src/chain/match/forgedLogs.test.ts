import type { Hex } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Payment } from '../../decide/payments/payment.ts';
import {
  accountsOf,
  addressFrom,
  agentStatus,
  alertsOf,
  DECISION,
  OUTSIDER,
  POLICY,
  stateOf,
  TREASURY,
} from '../follow/testing/books.ts';
import { logOf, type RawLog } from '../follow/testing/modelChain.ts';
import { endInAgreement, type Scene, scene } from '../follow/testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
});
afterEach(() => endInAgreement(set));

describe('logs that are not what they look like', () => {
  const fake = addressFrom('fake token');
  it.each<[string, (payment: Payment) => RawLog[]]>([
    [
      'a deposit that another token tells',
      () => [logOf(fake, 'Transfer', { from: TREASURY, to: set.agent.wallet, value: 1_000_000n })],
    ],
    [
      'a payment that a contract tells which is no wallet of ours',
      (payment) => [logOf(fake, 'PaymentExecuted', executed(payment))],
    ],
    [
      'a transfer of nothing out of the wallet',
      () => [logOf(set.chain.token, 'Transfer', { from: set.agent.wallet, to: OUTSIDER, value: 0n })],
    ],
  ])('%s moves nothing and alarms nobody', async (_, logs) => {
    const payment = await set.add();
    const before = await accountsOf(set.store, set.agent);
    await set.happen({ kind: 'raw', logs: logs(payment) });
    expect(await accountsOf(set.store, set.agent)).toEqual(before);
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect(await alertsOf(set.store)).toEqual([]);
    expect((await agentStatus(set.store, set.agent)).status).toBe('active');
  });

  it('an outsider who tells of our payment right before its own money comes in gets it into suspense, no more', async () => {
    const payment = await set.add();
    await set.happen({
      kind: 'raw',
      logs: [
        logOf(fake, 'PaymentExecuted', executed(payment)),
        logOf(set.chain.token, 'Transfer', { from: OUTSIDER, to: set.agent.wallet, value: 10_000_000n }),
      ],
    });
    set.chain.tip.after.balances.set(set.agent.wallet, 110_000_000n);
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect(await accountsOf(set.store, set.agent)).toMatchObject({ suspense: 10_000_000n });
  });

  it('a payment event that no transfer follows settles nothing and is reported', async () => {
    const payment = await set.add();
    await set.happen({
      kind: 'raw',
      logs: [logOf(set.agent.wallet, 'PaymentExecuted', executed(payment))],
    });
    expect(await stateOf(set.store, payment)).toBe('submitted');
    expect(await alertsOf(set.store)).toMatchObject([{ type: 'claim_without_transfer', agent: set.agent.id }]);
  });

  function executed(payment: Payment): Record<string, Hex | bigint> {
    const { chainKey: paymentId, address: payee, amount } = payment;
    return { paymentId, payee, policyDigest: POLICY, amount, decisionHash: DECISION };
  }
});
