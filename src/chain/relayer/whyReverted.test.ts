import { encodeFunctionData, erc20Abi } from 'viem';
import { generatePrivateKey } from 'viem/accounts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ledQueues } from '../../../test/support/ledQueues.ts';
import { devAccounts } from '../../app/local-chain/accounts.ts';
import { type LocalChain, startLocalChain } from '../../app/local-chain/localChain.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { query } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { memoryKeys } from '../keys/keys.ts';
import { type Chain, openChain } from '../node/chain.ts';
import { outcomeOf } from './outcomes.ts';
import { createRelayer, type Relayer } from './relayer.ts';
import { enqueueTransaction } from './transactions.ts';
import { whyReverted } from './whyReverted.ts';

const [, , owner, payee] = devAccounts;
let local: LocalChain;
let chain: Chain;
let store: Store;
let relayer: Relayer;
beforeAll(async () => {
  local = await startLocalChain({ owner });
  chain = openChain({ chainId: 31_337, rpcUrl: local.anvil.url, token: local.usdc.address });
  store = await openTestStore();
  relayer = createRelayer({
    store,
    chain,
    keys: memoryKeys(new Map([['executor', generatePrivateKey()]])),
    queues: ledQueues(store, 'executor'),
    clock: () => 0,
    finality: { kind: 'tag' },
  });
});
afterAll(async () => {
  await store.close();
  await local.stop();
});

it('tells why a transaction that passed when it was signed reverted when it was mined', async () => {
  const sender = await relayer.sender('executor');
  await local.fundGas([sender]);
  await local.mint(sender, microUsdc(10n));
  await local.client.setAutomine(false);
  const queue = () =>
    store.write((tx) =>
      enqueueTransaction(tx, {
        chainId: 31_337,
        sender,
        to: local.usdc.address,
        data: encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [payee.address, 10n] }),
        purpose: 'pay',
        paymentIds: [],
        atMs: 0,
      }),
    );
  const [first, second] = [await queue(), await queue()];
  await relayer.tick();
  const [poolFirst] = await store.read((tx) =>
    tx.all(
      query((db) => db.selectFrom('transaction_attempts').select(['hash', 'raw']).orderBy('transaction_id', 'desc')),
    ),
  );
  // The first is mined in a block of its own, so the second finds nothing left.
  await local.client.dropTransaction({ hash: poolFirst?.hash ?? '0x' });
  await local.client.mine({ blocks: 1 });
  await local.client.sendRawTransaction({ serializedTransaction: poolFirst?.raw ?? '0x' });
  await local.client.mine({ blocks: 1 });
  await relayer.tick();
  expect(await store.read((tx) => outcomeOf(tx, first.id))).toMatchObject({ kind: 'mined', succeeded: true });
  expect(await store.read((tx) => outcomeOf(tx, second.id))).toMatchObject({ kind: 'mined', succeeded: false });
  expect(await whyReverted(chain, store.read, second.id)).toEqual({
    error: 'ERC20: transfer amount exceeds balance',
    args: {},
  });
  expect(await whyReverted(chain, store.read, first.id)).toBeNull();
});
