import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, numbered } from '../../../../test/support/gateWorld.ts';
import { requestPayment } from '../../../decide/payments/gate.ts';
import { selfKeyedRequest } from './payKey.ts';
import { PayInput } from './paymentRequest.ts';

let world: GateWorld;
beforeAll(async () => {
  world = await gateWorld();
});
afterAll(() => world.store.close());

const usdc = (value: string) => ({ value, currency: 'USDC' });
const base = { payee: 'Grace', amount: usdc('1.50'), memo: 'proof-reading' };
const keyOf = (input: Record<string, unknown>, again = 1) =>
  world.store.read(
    async (tx) => (await selfKeyedRequest(tx, PayInput.parse(input), world.agent.id, again)).idempotencyKey,
  );

describe('a payment without an idempotency key', () => {
  it('has the same key by the name and by the id of its payee, however its amount and fields are written', async () => {
    const key = await keyOf(base);
    expect(key.startsWith(' ')).toBe(true);
    expect(await keyOf({ memo: 'proof-reading', amount: usdc('1.500'), payee: world.payee.id })).toBe(key);
    expect(await keyOf({ ...base, category: 'contractor' })).toBe(key);
    expect(await keyOf({ ...base, kind: 'payout', agent: world.agent.id })).toBe(key);
  });

  it('has the same key by the name and by the id of its workflow', async () => {
    expect(await keyOf({ ...base, workflow: 'digest', run: 'r1' })).toBe(
      await keyOf({ ...base, workflow: world.workflow.id, run: 'r1' }),
    );
  });

  it.each([
    ['amount', { amount: usdc('1.51') }],
    ['memo', { memo: 'proof-reading, part two' }],
    ['kind', { kind: 'transfer' }],
    ['address', { address: numbered(0xc0ffee) }],
    ['run', { workflow: 'digest', run: 'r2' }],
  ])('has another key with another %s', async (_, change) => {
    expect(await keyOf({ ...base, ...change })).not.toBe(await keyOf({ ...base, workflow: undefined }));
  });

  it('has another key when it is meant to be paid once more', async () => {
    expect(await keyOf(base, 2)).not.toBe(await keyOf(base));
  });

  it('is refused where nobody said that the request is its own key', async () => {
    await expect(() =>
      world.store.read((tx) => selfKeyedRequest(tx, PayInput.parse(base), world.agent.id, undefined)),
    ).rejects.toThrow(expect.objectContaining({ code: 'idempotency_key_required' }));
  });

  it('is decided again after a denial, and stands after anything else', async () => {
    const ask = (value: string) =>
      world.store.write(async (tx) => {
        const request = await selfKeyedRequest(tx, PayInput.parse({ ...base, amount: usdc(value) }), world.agent.id, 1);
        return requestPayment(tx, request, world.context());
      });
    const [denied, again] = [await ask('5000'), await ask('5000')];
    expect([denied.payment.state, again.payment.state]).toEqual(['denied', 'denied']);
    expect(again).toMatchObject({ replayed: false });
    const [paid, retry] = [await ask('2.25'), await ask('2.25')];
    expect(paid.payment.state).toBe('authorized');
    expect(retry).toMatchObject({ replayed: true, payment: { id: paid.payment.id } });
  });
});
