import { describe, expect, it } from 'vitest';
import { gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { agentAccount, balance, externalAccount, post } from '../../books/ledger/journal.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { requestPayment } from '../../decide/payments/gate.ts';
import { findPayment } from '../../decide/payments/records.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { query } from '../../store/statement.ts';
import { cancelUnsigned } from './unsigned.ts';

const HOUR_MS = 3_600_000;
const x402 = {
  path: '/',
  method: 'GET',
  scheme: 'exact',
  payment_flow: 'authorization',
  max_timeout_seconds: 60,
  resource: 'https://grace.example/',
  description: null,
};

describe('cancelUnsigned', () => {
  it('frees a purchase an hour after its decision when nobody fetched its signature, and leaves a signed one alone', async () => {
    const world = await gateWorld();
    const { store, agent } = world;
    const [unsigned, signed] = await store.write(async (tx) => {
      await post(tx, {
        kind: 'deposit',
        atMs: NOON_MS,
        lines: [
          [externalAccount(agent.wallet?.address ?? '0x'), -5_000_000n],
          [agentAccount(agent.id, 'purse'), 5_000_000n],
        ],
      });
      const request = () =>
        world.request({ kind: 'purchase', rail: 'x402', payee: null, host: 'grace.example', x402, workflow: null });
      return mapInOrder([1, 2], async () => (await requestPayment(tx, request(), world.context())).payment);
    });
    if (!unsigned || !signed) throw new Error('unreachable');
    expect([unsigned.state, signed.state]).toEqual(['authorized', 'authorized']);
    await store.write((tx) =>
      tx.run(
        query((db) =>
          db.insertInto('x402_authorizations').values({
            payment_id: signed.id,
            chain_id: 31_337,
            purse: '0x',
            nonce: '0x01',
            pay_to: '0x',
            value_micro: 1,
            valid_after_s: 0,
            valid_before_s: 1,
            resource_json: '{}',
          }),
        ),
      ),
    );
    expect(await cancelUnsigned(asLeader(store), () => NOON_MS + HOUR_MS)).toBe(0);
    expect(await cancelUnsigned(asLeader(store), () => NOON_MS + HOUR_MS + 1)).toBe(1);
    await store.read(async (tx) => {
      expect(await findPayment(tx, unsigned.id)).toMatchObject({ state: 'cancelled', heldMicro: 0n });
      expect((await findPayment(tx, signed.id))?.state).toBe('authorized');
      expect(await balance(tx, agentAccount(agent.id, 'purse'))).toBe(4_000_000n);
    });
    await store.close();
  });
});
