import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chain, type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { requestPayment } from '../../decide/payments/gate.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment } from '../../decide/payments/records.ts';
import type { Tx } from '../../store/store.ts';
import { takeNonce } from '../relayer/attempts.ts';
import {
  dropGap,
  enqueueTransaction,
  markFinal,
  markMined,
  queueTransactions,
  withdrawTransaction,
} from '../relayer/transactions.ts';
import { failPayment, noteSubmitted } from './outcomes.ts';

const queue = { chainId: chain.chainId, sender: numbered(0xe) };
const BLOCK = `0x${'b'.repeat(64)}` as const;
let world: GateWorld;
let payment: Payment;
beforeEach(async () => {
  world = await gateWorld();
  payment = await world.store.write(async (tx) => {
    const { payment: made } = await requestPayment(tx, world.request(), world.context());
    return made;
  });
  expect(payment.state).toBe('authorized');
});
afterEach(() => world.store.close());

const hashOf = (nonce: bigint) => `0x${nonce.toString(16).padStart(64, '0')}` as const;
async function enqueue(tx: Tx): Promise<bigint> {
  const call = { to: numbered(0xa), data: '0x' as const, purpose: 'pay' };
  return (await enqueueTransaction(tx, { ...queue, ...call, paymentIds: [payment.id], atMs: NOON_MS })).id;
}

/** Signs a transaction of the payment, as the sender queue stores it. */
async function sign(tx: Tx, nonce: bigint): Promise<bigint> {
  const id = await enqueue(tx);
  const row = (await queueTransactions(tx, queue, 'queued', 10)).find((each) => each.id === id);
  if (!row) throw new Error('It is not queued.');
  const hash = hashOf(nonce);
  const attempt = { hash, raw: hash, gasLimit: 1n, maxFee: 1n, maxPriorityFee: 1n, atMs: NOON_MS };
  expect(await takeNonce(tx, row, nonce, attempt)).toBe(true);
  await noteSubmitted(tx, NOON_MS);
  return id;
}

async function mine(tx: Tx, id: bigint, nonce: bigint, succeeded = false): Promise<void> {
  const at = { blockNumber: 5n, blockHash: BLOCK, gasUsed: 1n, gasPriceWei: 1n };
  await markMined(tx, id, { hash: hashOf(nonce), succeeded, ...at });
}

/** Fails the payment as the settler knows it; returns its state and what is held for its agent afterwards. */
async function fail(): Promise<{ state: string | undefined; reserved: bigint }> {
  return world.store.write(async (tx) => {
    const known = await findPayment(tx, payment.id);
    if (known) await failPayment(tx, { payment: known, reason: 'refused' }, NOON_MS);
    return {
      state: (await findPayment(tx, payment.id))?.state,
      reserved: await balance(tx, agentAccount(payment.agentId, 'reserved')),
    };
  });
}
const released = { state: 'failed', reserved: 0n };
const held = (state: string) => ({ state, reserved: 1_000_000n });

describe('failPayment', () => {
  it('gives the money back when all that was signed for the payment reverted at a final block', async () => {
    await world.store.write(async (tx) => {
      const id = await sign(tx, 0n);
      await mine(tx, id, 0n);
      await markFinal(tx, id, BLOCK);
    });
    expect(await fail()).toEqual(released);
  });

  it('gives the money back when nothing was signed', async () => {
    await world.store.write(async (tx) => withdrawTransaction(tx, await enqueue(tx)));
    expect(await fail()).toEqual(released);
  });

  it('keeps the hold while a revert is not final', async () => {
    await world.store.write(async (tx) => mine(tx, await sign(tx, 0n), 0n));
    expect(await fail()).toEqual(held('submitted'));
  });

  it('keeps the hold of what was mined with success, final or not', async () => {
    await world.store.write(async (tx) => {
      const id = await sign(tx, 0n);
      await mine(tx, id, 0n, true);
      await markFinal(tx, id, BLOCK);
    });
    expect(await fail()).toEqual(held('submitted'));
  });

  it('keeps the hold while a transaction that was given up may be mined, though the one after it reverted', async () => {
    await world.store.write(async (tx) => {
      await sign(tx, 7n);
      expect(await dropGap(tx, queue, 0n)).toBe(1);
      const id = await sign(tx, 0n);
      await mine(tx, id, 0n);
      await markFinal(tx, id, BLOCK);
    });
    expect(await fail()).toEqual(held('submitted'));
  });

  it('keeps the hold when the payment was queued again since the chain was asked', async () => {
    await world.store.write(enqueue);
    expect(await fail()).toEqual(held('authorized'));
  });
});
