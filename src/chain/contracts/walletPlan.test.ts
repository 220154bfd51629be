import { expect, it } from 'vitest';
import { newId } from '../../core/ids/ids.ts';
import { predictAddresses, walletConfig } from './walletConfig.ts';
import { walletPlan } from './walletPlan.ts';

const FACTORY = `0x${'fa'.repeat(20)}` as const;
const A = `0x${'a1'.repeat(20)}` as const;

it('notes the addresses the factory will give, and a list only where it is on', () => {
  const given = { agentId: newId('agent'), owner: A, guardian: A, executor: A, allowList: [A] };
  const open = walletConfig(given);
  const { wallet, purse } = predictAddresses(FACTORY, open);
  expect(walletPlan(31_337, FACTORY, open)).toMatchObject({ address: wallet, purse, ceilings: { allowList: null } });
  const closed = walletPlan(31_337, FACTORY, walletConfig({ ...given, allowListOn: true }));
  expect(closed.ceilings).toMatchObject({ perPayment: '1000000000', allowList: [A] });
  expect(closed.address).not.toBe(wallet);
});
