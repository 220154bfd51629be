import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../src/receipt/receipt.ts';
import { verifyReceipt } from '../src/receipt/verify.ts';
import { startOffice, type TestOffice } from './support/office.ts';

let office: TestOffice;
let receipt: Receipt;
const usdc = (value: string) => ({ value, currency: 'USDC' });

beforeAll(async () => {
  office = await startOffice();
  const { operator, keys } = office;
  const agent = await office.agent('mandated', '60');
  const address = privateKeyToAccount(generatePrivateKey()).address;
  await operator.call('create_payee', {
    name: 'Host',
    kind: 'merchant',
    categories: ['contractor'],
    address,
    verified: true,
  });
  const approver = await keys.address('approver');
  await operator.call('create_approver', { name: 'Ada', address: approver, roles: ['finance'] });
  const asked = await agent.client.call('request_mandate', {
    payees: ['Host'],
    per_payment: usdc('30.00'),
    total: usdc('60.00'),
    expires_at: '2027-12-01T00:00:00Z',
    reason: 'hosting',
  });
  const { typed_data } = await operator.call('get_mandate', { id: asked.id });
  const signature = await keys.signTypedData('approver', typed_data as Parameters<typeof keys.signTypedData>[1]);
  await operator.call('sign_mandate', { id: asked.id, approver, signature });
  const payment = await agent.client.call(
    'pay',
    { payee: 'Host', amount: usdc('28.00') },
    { idempotencyKey: 'mandated-1' },
  );
  expect(payment).toMatchObject({ state: 'authorized', mandate: asked.id });
  await office.until(String(payment.id), ['settled', 'final']);
  receipt = (await operator.call('get_receipt', { id: payment.id })) as Receipt;
});
afterAll(() => office.end());

const verify = (changed: Receipt) => verifyReceipt(changed, office.rpcUrl);
const failed = async (changed: Receipt) =>
  (await verify(changed)).findings.filter(({ ok }) => !ok).map(({ check }) => check);
/** The receipt with its first signature's stored data changed. */
function withSigned(
  change: (data: { domain: Record<string, unknown>; message: Record<string, unknown> }) => void,
): Receipt {
  const copy = structuredClone(receipt);
  const first = copy.mandate?.signatures[0];
  if (!first) throw new Error('The receipt has no mandate.');
  const data = JSON.parse(first.typed_data);
  change(data);
  first.typed_data = JSON.stringify(data);
  return copy;
}

describe('the receipt of a payment under a mandate', () => {
  it('is verified with the signatures of the people who gave it', async () => {
    expect(await failed(receipt)).toEqual([]);
  });

  it('fails where the terms are others than were signed, or do not cover the payment', async () => {
    const wider = withSigned(({ message }) => {
      message.perPayment = '31000000';
    });
    const narrower = withSigned(({ message }) => {
      message.perPayment = '27000000';
    });
    for (const changed of [wider, narrower])
      expect(await failed(changed)).toEqual([expect.stringContaining('mandate signed by')]);
  });

  it('fails where somebody else signed, where nobody did, and where it cannot be read', async () => {
    const other = structuredClone(receipt);
    if (other.mandate?.signatures[0])
      other.mandate.signatures[0].approver = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
    const broken = structuredClone(receipt);
    if (broken.mandate?.signatures[0]) broken.mandate.signatures[0].typed_data = '{';
    for (const changed of [other, broken])
      expect(await failed(changed)).toEqual([expect.stringContaining('mandate signed by')]);
    expect(await failed({ ...receipt, mandate: null })).toEqual(['mandate']);
  });
});
