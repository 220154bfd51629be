import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { numbered } from '../../../test/support/gateWorld.ts';
import { paymentIdOnChain } from '../../core/ids/paymentIdOnChain.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { callOf, explainCeilings, isOfRegistry, methodOf, needs, type OwnerAction, ownerActions } from './action.ts';
import { safeFile } from './safe.ts';
import { checkOwnerCall, ownerCallTypedData } from './signedCall.ts';

const target = { wallet: numbered(0xa1), purse: numbered(0xa4), token: numbered(0xa2), registry: numbered(0xa3) };
const values = {
  perPayment: parseUsdc('10'),
  perPeriod: parseUsdc('50'),
  address: numbered(0xb1),
  addresses: [numbered(0xb1), numbered(0xb2)],
  threshold: 1,
  on: true,
  amount: parseUsdc('5'),
  digest: `0x${'ab'.repeat(32)}` as const,
  payment: 'pay_01m87knvzwfamrvwf8vjc88sbn' as const,
};
const full = (action: (typeof ownerActions)[number]): OwnerAction =>
  Object.assign(
    { action },
    Object.fromEntries(needs[action].map((field) => [field, values[field as keyof typeof values]])),
  );

describe('An owner action', () => {
  it.each(ownerActions)('%s is one readable call, and a Safe can load it', (action) => {
    const call = callOf(target, full(action));
    const file = safeFile([call], { chainId: 1, safe: numbered(0xc1), name: 'x', description: 'y', atMs: 1 });
    const [only] = file.transactions;
    expect(file).toMatchObject({ version: '1.0', chainId: '1', meta: { createdFromSafeAddress: numbered(0xc1) } });
    expect(only).toMatchObject({ to: call.to, value: '0', data: call.data, contractMethod: { payable: false } });
    expect(Object.keys(only?.contractInputsValues ?? {})).toEqual(only?.contractMethod.inputs.map(({ name }) => name));
    expect(call.to).toBe(
      isOfRegistry(action) ? target.registry : action === 'sweep_token' ? target.purse : target.wallet,
    );
  });

  it('names what is missing, and refuses what it would not use', () => {
    expect(() => callOf(target, { action: 'set_ceilings', perPayment: values.perPayment })).toThrow('per_period');
    expect(() => callOf(target, { action: 'freeze', amount: values.amount })).toThrow('takes no amount');
    expect(() => callOf({ ...target, registry: null }, full('activate_policy'))).toThrow('registry');
  });

  it('shows a withdrawal with its figures', () => {
    expect(methodOf(callOf(target, full('withdraw')))).toMatchObject({
      name: 'withdraw',
      values: { to: values.address, amount: '5000000' },
    });
  });

  it('revokes the approval of the payment that the chain knows by its id', () => {
    const { values: shown } = methodOf(callOf(target, full('revoke_approval')));
    expect(Object.values(shown)).toEqual([paymentIdOnChain(values.payment)]);
  });

  it('says that cuts come at once and raises after the delay', () => {
    const now = { perPayment: parseUsdc('10'), perPeriod: parseUsdc('50') };
    const text = explainCeilings(now, { perPayment: parseUsdc('5'), perPeriod: parseUsdc('90') }, 86_400);
    expect(text).toBe(
      'Per payment goes from 10.00 to 5.00 USDC at once; per period goes from 50.00 to 90.00 USDC after 1 day.',
    );
  });
});

describe('A signed owner call', () => {
  const owner = privateKeyToAccount(`0x${'11'.repeat(32)}`);
  const call = callOf(target, full('withdraw'));
  const nowS = 1_000_000;
  const sign = (expiresAtS: number, what = call, chainId = 1) =>
    owner.signTypedData(ownerCallTypedData(chainId, what, expiresAtS));

  it('is taken from the owner, for that call, on that chain, in its time', async () => {
    const expiresAtS = nowS + 60;
    const signed = { signer: owner.address, expiresAtS, signature: await sign(expiresAtS) };
    await expect(checkOwnerCall(1, call, signed, nowS)).resolves.toMatch(/^0x/);
    const refused = { code: 'approval_invalid' };
    await expect(checkOwnerCall(2, call, signed, nowS)).rejects.toMatchObject(refused);
    await expect(checkOwnerCall(1, callOf(target, full('unfreeze')), signed, nowS)).rejects.toMatchObject(refused);
    await expect(checkOwnerCall(1, call, { ...signed, signer: target.wallet }, nowS)).rejects.toMatchObject(refused);
    await expect(checkOwnerCall(1, call, signed, expiresAtS)).rejects.toMatchObject(refused);
    await expect(checkOwnerCall(1, call, signed, nowS - 3_600)).rejects.toMatchObject(refused);
    await expect(checkOwnerCall(1, call, { ...signed, signature: '0x' }, nowS)).rejects.toMatchObject(refused);
  });
});
