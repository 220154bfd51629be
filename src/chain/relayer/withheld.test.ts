import { zeroAddress } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { CHAIN_ID, PAYEE, relayerScene, transferData } from '../../../test/support/relayerScene.ts';
import { memoryKeys } from '../keys/keys.ts';
import { outcomesOfPayment } from './outcomes.ts';
import { adoptNonce, withdrawTransaction } from './transactions.ts';

const scene = relayerScene();
const { attempts, openAlerts, outcome, payment, queue, relayer } = scene;

describe('what must not be signed', () => {
  it('a call that the contract refuses is dropped with its decoded reason and leaves no gap', async () => {
    const refused = await queue({ data: transferData(2_000_000n) });
    const good = await queue();
    const senderQueue = relayer();
    expect((await senderQueue.tick()).queues).toMatchObject([{ dropped: 1, signed: 1 }]);
    await senderQueue.tick();
    expect(await outcome(refused)).toMatchObject({ kind: 'dropped', reason: 'refused' });
    expect(await outcome(refused)).toMatchObject({ detail: 'ERC20: transfer amount exceeds balance' });
    expect(await outcome(good)).toMatchObject({ kind: 'mined', nonce: 0n });
  });

  it('a refusal waits while an earlier transaction is on its way that may lift it', async () => {
    await scene.client.setAutomine(false);
    const other = `0x${'7'.padStart(64, '0')}` as const;
    const to = await memoryKeys(new Map([['other', other]])).address('other');
    await queue({ data: transferData(1_000_000n, to) });
    const refused = await queue({ data: transferData(2_000_000n) });
    const senderQueue = relayer();
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(refused)).toEqual({ kind: 'queued' });
    await scene.client.mine({ blocks: 1 });
    await senderQueue.tick();
    expect(await outcome(refused)).toMatchObject({ kind: 'dropped' });
  });

  it('a call to an address without code is dropped: it would succeed and do nothing', async () => {
    const transaction = await queue({ to: PAYEE });
    await relayer().tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'dropped', reason: 'no_contract' });
  });

  it('one that depends on another waits until that one is mined, and falls with it', async () => {
    await scene.client.setAutomine(false);
    const first = await queue();
    const second = await queue({ dependsOn: first });
    const failing = await queue({ data: transferData(5n, zeroAddress) });
    const third = await queue({ dependsOn: failing });
    const senderQueue = relayer();
    await senderQueue.tick();
    expect(await outcome(second)).toEqual({ kind: 'queued' });
    for (let round = 0; round < 3; round += 1) {
      await scene.client.mine({ blocks: 1 });
      await senderQueue.tick();
    }
    expect(await outcome(second)).toMatchObject({ kind: 'mined' });
    expect(await outcome(failing)).toMatchObject({ kind: 'dropped', reason: 'refused' });
    expect(await outcome(third)).toMatchObject({ kind: 'dropped', reason: 'dependency_failed' });
  });

  it('one that was withdrawn while queued; once signed it can not be withdrawn', async () => {
    const id = await payment();
    const withdrawn = await queue({ paymentIds: [id] });
    expect(await scene.store.write((tx) => withdrawTransaction(tx, withdrawn))).toBe(true);
    const signed = await queue({ paymentIds: [id] });
    await relayer().tick();
    expect(await scene.store.write((tx) => withdrawTransaction(tx, signed))).toBe(false);
    expect(await scene.store.read((tx) => outcomesOfPayment(tx, id))).toMatchObject([
      { transactionId: signed, outcome: { kind: 'pending' } },
      { transactionId: withdrawn, outcome: { kind: 'dropped', reason: 'withdrawn' } },
    ]);
  });

  it('anything while the base fee is above the cap', async () => {
    const transaction = await queue();
    const senderQueue = relayer({ caps: { maxFee: 1n, maxPriorityFee: 1n } });
    expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: { type: 'fees_above_cap' }, signed: 0 }]);
    expect(await outcome(transaction)).toEqual({ kind: 'queued' });
  });
});

describe('money for gas', () => {
  it('too little of it raises an alert, signs nothing, and goes on when there is some', async () => {
    await scene.client.setBalance({ address: scene.sender, value: 1_000n });
    const transaction = await queue();
    const senderQueue = relayer();
    expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: { type: 'insufficient_gas' }, signed: 0 }]);
    expect(await openAlerts()).toEqual(['insufficient_gas']);
    expect(await attempts(transaction)).toEqual([]);
    await scene.client.setBalance({ address: scene.sender, value: 10n ** 18n });
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
    expect(await openAlerts()).toEqual([]);
  });

  it('that went away after signing keeps the stored transaction for later', async () => {
    const transaction = await queue();
    scene.rpc.tell(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'));
    await relayer().tick();
    scene.rpc.tell(() => 'pass');
    await scene.client.setBalance({ address: scene.sender, value: 1_000n });
    const senderQueue = relayer();
    expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: { type: 'insufficient_gas' } }]);
    await scene.client.setBalance({ address: scene.sender, value: 10n ** 18n });
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined' });
    expect(await attempts(transaction)).toHaveLength(1);
  });
});

describe('a key that was used elsewhere', () => {
  it('takes our nonce: the transaction is dropped once that is final, and the next one gets a free nonce', async () => {
    const account = privateKeyToAccount(scene.key);
    const transaction = await queue();
    scene.rpc.tell(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'));
    await relayer().tick();
    await scene.client.sendTransaction({ account, to: PAYEE, value: 1n, nonce: 0 });
    scene.rpc.tell(() => 'pass');
    const senderQueue = relayer();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'pending' });
    await scene.client.mine({ blocks: 20 });
    await senderQueue.tick();
    expect(await outcome(transaction)).toEqual({ kind: 'dropped', reason: 'nonce_taken', detail: null });
    const again = await queue();
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(again)).toMatchObject({ kind: 'mined', nonce: 1n });
  });

  it('is taken over only when an operator says so', async () => {
    const account = privateKeyToAccount(scene.key);
    const senderQueue = relayer();
    await queue();
    await senderQueue.tick();
    await senderQueue.tick();
    await scene.client.sendTransaction({ account, to: PAYEE, value: 1n });
    const transaction = await queue();
    expect((await senderQueue.tick()).queues).toMatchObject([{ trouble: { type: 'chain_inconsistent' } }]);
    await scene.store.write((tx) => adoptNonce(tx, { chainId: CHAIN_ID, sender: scene.sender }, 2n, scene.nowMs));
    await senderQueue.tick();
    await senderQueue.tick();
    expect(await outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 2n });
  });
});
