import { hashTypedData, keccak256, toHex } from 'viem';
import { describe, expect, it } from 'vitest';
import { approvalTypedData } from '../../chain/contracts/approval.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { mandateTypedData } from '../../decide/mandates/typedData.ts';
import { mandateDataFor, typedDataFor } from './signing.ts';

const wallet = '0x84d2E543f9A77ee9c43e6fF22C04EfB1725cdA83';
const token = '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0';
const payee = '0x0d4fa6A199cfc948E42d6c03d0EFe1f95C0EB446';
const thief = '0x000000000000000000000000000000000000bEEF';
const payment = {
  id: 'pay_01m87knvzwfamrvwf8vjc88sbn',
  network: 'eip155:31337',
  address: payee,
  amount: { value: '6.00', currency: 'USDC' },
  policy_digest: `sha256:${'cd'.repeat(32)}`,
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
  policyDigest: `0x${'cd'.repeat(32)}`,
  decisionHash: `0x${'ab'.repeat(32)}`,
  approversVersion: 3n,
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

describe('what an approver signs as a mandate', () => {
  const mandate = {
    id: 'mdt_01m87knvzwfamrvwf8vjc88sbn',
    agent: 'agt_01m87knrw6famrvwbxw6bp3wks',
    payees: ['pye_01m87knrxpfamrvwckgnfj8v1v'],
    categories: [],
    hosts: [],
    per_payment: { value: '20.00', currency: 'USDC' },
    total: { value: '100.00', currency: 'USDC' },
    count: null,
    cadence: null,
    not_before: '2026-11-24T00:00:00.000Z',
    expires_at: '2027-01-01T00:00:00.000Z',
  };
  const offer = (change: (message: Record<string, unknown>) => void = () => {}): unknown => {
    const data = mandateTypedData(
      mandate.id,
      {
        agent: mandate.agent as `agt_${string}`,
        payees: mandate.payees as `pye_${string}`[],
        categories: [],
        hosts: [],
        perPayment: 20_000_000n,
        total: 100_000_000n,
        count: null,
        cadence: null,
        notBeforeMs: Date.parse(mandate.not_before),
        expiresAtMs: Date.parse(mandate.expires_at),
      } as Parameters<typeof mandateTypedData>[1],
      31_337,
    );
    const plain = JSON.parse(
      JSON.stringify(data, (_name, value) => (typeof value === 'bigint' ? value.toString() : value)),
    ) as { message: Record<string, unknown> };
    change(plain.message);
    return plain;
  };

  it('has the bounds as shown', () => {
    expect(mandateDataFor(mandate, offer(), 31_337)).toMatchObject({
      message: { perPayment: 20_000_000n, payees: mandate.payees },
    });
  });

  it.each<[string, (message: Record<string, unknown>) => void]>([
    ['message.total', (message) => Object.assign(message, { total: '100000001' })],
    ['message.payees', (message) => Object.assign(message, { payees: [] })],
    ['message.hosts', (message) => Object.assign(message, { hosts: ['evil.example'] })],
    ['message.expires', (message) => Object.assign(message, { expires: '4102444800' })],
    ['message.agent', (message) => Object.assign(message, { agent: 'agt_other' })],
  ])('is refused when the server’s %s differs', (field, change) => {
    expect(() => mandateDataFor(mandate, offer(change), 31_337)).toThrow(
      expect.objectContaining({ code: 'signing_refused', message: expect.stringContaining(field) }),
    );
  });
});
