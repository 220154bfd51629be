import { hashTypedData, keccak256, toHex } from 'viem';
import { describe, expect, it } from 'vitest';
import { microUsdc } from '../money/microUsdc.ts';
import { approvalTypedData } from '../wallet/approval.ts';
import { typedDataFor } from './signing.ts';

const wallet = '0x84d2E543f9A77ee9c43e6fF22C04EfB1725cdA83';
const token = '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0';
const payee = '0x0d4fa6A199cfc948E42d6c03d0EFe1f95C0EB446';
const thief = '0x000000000000000000000000000000000000bEEF';
const payment = {
  id: 'pay_01m87knvzwfamrvwf8vjc88sbn',
  network: 'eip155:31337',
  address: payee,
  amount: { value: '6.00', currency: 'USDC' },
  decision_hash: `0x${'ab'.repeat(32)}`,
  review: { expires_at: '2026-11-25T20:24:10.900Z' },
};
const honest = approvalTypedData('approve', {
  chainId: 31_337,
  wallet,
  token,
  chainKey: keccak256(toHex(payment.id)),
  payee,
  amount: microUsdc(6_000_000n),
  decisionHash: `0x${'ab'.repeat(32)}`,
  expiresAtS: Math.floor(Date.parse(payment.review.expires_at) / 1000),
});

type Offered = {
  domain: Record<string, unknown>;
  types: Record<string, unknown>;
  primaryType: string;
  message: Record<string, unknown>;
};
/** As it comes over HTTP: figures as text. */
function offered(change: (data: Offered) => void = () => {}): Offered {
  const data = JSON.parse(
    JSON.stringify(honest, (_name, value) => (typeof value === 'bigint' ? value.toString() : value)),
  ) as Offered;
  change(data);
  return data;
}
const sign = (data: unknown, known: { wallet: string; token: string | null } = { wallet, token }) =>
  typedDataFor('approve', payment, data, known);

describe('what an approver signs', () => {
  it('is the payment as shown, made here, whatever the spelling of the server’s version', () => {
    expect(hashTypedData(sign(offered()))).toBe(hashTypedData(honest));
    const lower = offered((data) => {
      data.message.payee = payee.toLowerCase();
      data.types.EIP712Domain = [{ name: 'name', type: 'string' }];
    });
    expect(hashTypedData(sign(lower))).toBe(hashTypedData(honest));
  });

  it.each<[string, (data: Offered) => void]>([
    ['message.payee', (data) => Object.assign(data.message, { payee: thief })],
    ['message.amount', (data) => Object.assign(data.message, { amount: '6000001' })],
    ['message.token', (data) => Object.assign(data.message, { token: thief })],
    ['message.paymentId', (data) => Object.assign(data.message, { paymentId: keccak256(toHex('pay_other')) })],
    ['message.decisionHash', (data) => Object.assign(data.message, { decisionHash: `0x${'cd'.repeat(32)}` })],
    ['message.expiresAt', (data) => Object.assign(data.message, { expiresAt: '4102444800' })],
    ['message.extra', (data) => Object.assign(data.message, { extra: '1' })],
    ['domain.verifyingContract', (data) => Object.assign(data.domain, { verifyingContract: token })],
    ['domain.chainId', (data) => Object.assign(data.domain, { chainId: 8453 })],
    ['domain.name', (data) => Object.assign(data.domain, { name: 'USD Coin' })],
    ['primaryType', (data) => Object.assign(data, { primaryType: 'PaymentRejection' })],
  ])('is refused when the server’s %s differs', (field, change) => {
    expect(() => sign(offered(change))).toThrow(
      expect.objectContaining({ code: 'signing_refused', message: expect.stringContaining(field) }),
    );
  });

  it('is refused for a token that the own configuration does not know', () => {
    expect(() => sign(offered(), { wallet, token: thief })).toThrow(
      expect.objectContaining({ code: 'signing_refused' }),
    );
  });

  it('is refused when the server offers no typed data, or a wallet that is no address', () => {
    expect(() => sign(null)).toThrow(expect.objectContaining({ code: 'signing_refused' }));
    expect(() => sign(offered(), { wallet: 'undefined', token })).toThrow(
      expect.objectContaining({ code: 'signing_refused' }),
    );
  });
});
