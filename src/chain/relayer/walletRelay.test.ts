import { generatePrivateKey } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { ledQueues } from '../../../test/support/ledQueues.ts';
import { executor, executorKey, owner, walletScene } from '../../../test/support/walletScene.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { createWalletCall, payCall, setDeployerCall } from '../contracts/agentWallet.ts';
import { isNonceUsed } from '../contracts/walletState.ts';
import { memoryKeys } from '../keys/keys.ts';
import { outcomeOf } from './outcomes.ts';
import { createRelayer } from './relayer.ts';
import { enqueueTransaction } from './transactions.ts';

const scene = walletScene();
const { deployed, transfer } = scene;

describe('through the relayer', () => {
  it('a wallet is made scene.at its first payment: the payment waits for it, on another sender queue', async () => {
    const store = await openTestStore();
    const relayerKey = generatePrivateKey();
    const keys = memoryKeys(
      new Map([
        ['executor', executorKey],
        ['relayer', relayerKey],
      ]),
    );
    const relayer = createRelayer({
      store,
      chain: scene.chain,
      keys,
      queues: ledQueues(store, 'executor', 'relayer'),
      clock: () => 1_800_000_000_000,
      finality: { kind: 'tag' },
    });
    const sender = await relayer.sender('relayer');
    await scene.local.fundGas([sender]);
    await scene.send(owner, setDeployerCall(scene.local.factory, sender, true));
    await scene.local.mint(scene.at.wallet, microUsdc(100_000_000n));
    const [deploy, pay] = await store.write(async (tx) => {
      const common = { chainId: 31_337, paymentIds: [], atMs: 0 };
      const first = await enqueueTransaction(tx, {
        ...common,
        ...createWalletCall(scene.local.factory, scene.config),
        sender,
        purpose: 'deploy',
      });
      const call = payCall(transfer());
      const second = await enqueueTransaction(tx, {
        ...common,
        ...call,
        sender: executor.address,
        purpose: 'pay',
        dependsOn: first.id,
      });
      return [first.id, second.id] as const;
    });
    for (let round = 0; round < 4; round += 1) await relayer.tick();
    const outcome = (id: bigint) => store.read((tx) => outcomeOf(tx, id));
    expect(await outcome(deploy)).toMatchObject({ succeeded: true });
    expect(await outcome(pay)).toMatchObject({ kind: 'mined', succeeded: true });
    expect(await isNonceUsed(scene.chain, scene.at.wallet, 0n)).toBe(true);
    await scene.local.client.mine({ blocks: 3 });
    await relayer.tick();
    expect(await outcome(pay)).toMatchObject({ kind: 'final' });
    await store.close();
  });

  it('a refused payment tells why, in the words of the contract', async () => {
    await deployed();
    const store = await openTestStore();
    const keys = memoryKeys(new Map([['executor', executorKey]]));
    const finality = { kind: 'tag' } as const;
    const relayer = createRelayer({
      store,
      chain: scene.chain,
      keys,
      queues: ledQueues(store, 'executor'),
      clock: () => 0,
      finality,
    });
    const call = payCall(transfer({ amount: microUsdc(10_000_001n) }));
    const { id } = await store.write((tx) =>
      enqueueTransaction(tx, {
        chainId: 31_337,
        sender: executor.address,
        ...call,
        purpose: 'pay',
        paymentIds: [],
        atMs: 0,
      }),
    );
    // The key was used by other tests, so its first nonce here is the chain's.
    await relayer.tick();
    const outcome = await store.read((tx) => outcomeOf(tx, id));
    expect(outcome).toMatchObject({ kind: 'dropped', reason: 'refused' });
    expect(outcome).toMatchObject({ detail: 'PerPaymentCeilingExceeded (amount 10000001, ceiling 10000000)' });
    await store.close();
  });
});
