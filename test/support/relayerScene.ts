import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, encodeFunctionData, type Hex, parseAbi } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { devAccounts } from '../../src/app/local-chain/accounts.ts';
import { type Anvil, startAnvil } from '../../src/app/local-chain/anvil.ts';
import { type DevClient, devClient } from '../../src/app/local-chain/client.ts';
import { type LyingRpc, startLyingRpc } from '../../src/app/local-chain/lyingRpc.ts';
import { deployUsdc, mintUsdc, type Usdc } from '../../src/app/local-chain/usdc.ts';
import { memoryKeys } from '../../src/chain/keys/keys.ts';
import { openChain } from '../../src/chain/node/chain.ts';
import { attemptsOf } from '../../src/chain/relayer/attempts.ts';
import { outcomeOf } from '../../src/chain/relayer/outcomes.ts';
import { createRelayer, type Relayer, type RelayerOptions } from '../../src/chain/relayer/relayer.ts';
import { enqueueTransaction, type NewTransaction } from '../../src/chain/relayer/transactions.ts';
import { newId, type PaymentId } from '../../src/core/ids/ids.ts';
import { paymentIdOnChain } from '../../src/core/ids/paymentIdOnChain.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import { query, statement } from '../../src/store/statement.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../../src/store/testing/openTestStore.ts';
import { eventBodies } from './eventBodies.ts';
import { ledQueues } from './ledQueues.ts';

const abi = parseAbi([
  'function transfer(address to, uint256 amount) returns (bool)',
  'function balanceOf(address) view returns (uint256)',
]);
const [deployer, proxyAdmin, , , , payee] = devAccounts;
export const CHAIN_ID = 31_337;
/** Who gets what the relayer sends. */
export const PAYEE: Address = payee.address;
export const transferData = (amount: bigint, to: Address = PAYEE): Hex =>
  encodeFunctionData({ abi, functionName: 'transfer', args: [to, amount] });

const addSponsor = statement()((db) =>
  db
    .insertInto('sponsors')
    .values({ id: 'spn_1', name: 'Finance', status: 'active', created_at: 0 })
    .onConflict((conflict) => conflict.doNothing()),
);
const addAgent = statement()((db) =>
  db
    .insertInto('agents')
    .values({
      id: 'agt_1',
      name: 'Researcher',
      sponsor_id: 'spn_1',
      status: 'active',
      labels_json: '{}',
      created_at: 0,
    })
    .onConflict((conflict) => conflict.doNothing()),
);
const addPayment = statement<{ id: string; chainKey: string }>()((db, p) =>
  db.insertInto('payments').values({
    id: p.id,
    chain_key: p.chainKey,
    agent_id: 'agt_1',
    sponsor_id: 'spn_1',
    workflow_id: 'wfl_1',
    kind: 'payout',
    rail: 'wallet',
    chain_id: CHAIN_ID,
    address: PAYEE,
    amount_micro: 1,
    held_micro: 0,
    state: 'authorized',
    reasons_json: '[]',
    policy_digest: 'sha256:p',
    decision_hash: '0x',
    idempotency_key: p.id,
    body_hash: '',
    request_json: '{}',
    created_at: 0,
    updated_at: 0,
  }),
);

/**
 * What relayers of one key do on a chain behind a node that can lie: a chain for each file, and for each test a store, a
 * node and a key of its own with 1 ETH and 1 USDC, whose nonces start at 0. To be called once, at the top of a test file.
 */
export function relayerScene() {
  let anvil: Anvil;
  let client: DevClient;
  let usdc: Usdc;
  let rpc: LyingRpc;
  let store: Store;
  let key: Hex;
  let sender: Address;
  let nowMs: number;
  let keyCount = 0;

  beforeAll(async () => {
    anvil = await startAnvil();
    client = devClient(anvil.url, CHAIN_ID);
    usdc = await deployUsdc(client, { deployer, proxyAdmin: proxyAdmin.address });
  });
  afterAll(() => anvil.stop());

  beforeEach(async () => {
    keyCount += 1;
    key = `0x${keyCount.toString(16).padStart(64, '0')}`;
    sender = await memoryKeys(new Map([['relayer', key]])).address('relayer');
    await client.setBalance({ address: sender, value: 10n ** 18n });
    await client.setNonce({ address: sender, nonce: 0 });
    await mintUsdc(client, usdc, sender, microUsdc(1_000_000n));
    rpc = await startLyingRpc(anvil.url);
    store = await openTestStore();
    nowMs = 1_800_000_000_000;
  });
  afterEach(async () => {
    await client.setAutomine(true);
    await rpc.stop();
    await store.close();
  });

  async function drained(): Promise<void> {
    for (let i = 0; i < 20 && (await client.getAutomine()); i += 1) {
      if ((await client.getTxpoolStatus()).pending === 0) return;
      await sleep(10);
    }
  }

  return {
    get client() {
      return client;
    },
    get rpc() {
      return rpc;
    },
    get store() {
      return store;
    },
    get key() {
      return key;
    },
    get sender() {
      return sender;
    },
    get nowMs() {
      return nowMs;
    },
    /** The chain past the node that lies. */
    honestChain: () => openChain({ chainId: CHAIN_ID, rpcUrl: anvil.url, token: usdc.address }),
    later(ms: number): void {
      nowMs += ms;
    },
    /** A round ends when anvil, which mines a moment after it has answered, has mined what it will. */
    relayer: (changes: Partial<RelayerOptions> & { chainId?: number } = {}): Relayer => {
      const relayer = createRelayer({
        store,
        chain: openChain({
          chainId: changes.chainId ?? CHAIN_ID,
          rpcUrl: rpc.url,
          token: usdc.address,
          timeoutMs: 1_000,
        }),
        keys: memoryKeys(new Map([['relayer', key]])),
        queues: ledQueues(store, 'relayer'),
        clock: () => nowMs,
        finality: { kind: 'depth', blocks: 20 },
        ...changes,
      });
      const tick = async () => {
        const report = await relayer.tick();
        await drained();
        return report;
      };
      return { ...relayer, tick };
    },
    queue: (changes: Partial<NewTransaction> = {}): Promise<bigint> =>
      store.write(
        async (tx) =>
          (
            await enqueueTransaction(tx, {
              chainId: CHAIN_ID,
              sender,
              to: usdc.address,
              data: transferData(1n),
              purpose: 'pay',
              paymentIds: [],
              atMs: nowMs,
              ...changes,
            })
          ).id,
      ),
    outcome: (id: bigint) => store.read((tx) => outcomeOf(tx, id)),
    attempts: (id: bigint) => store.read((tx) => attemptsOf(tx, id)),
    events: (type: string) => eventBodies<Record<string, unknown>>(store, type),
    openAlerts: async () =>
      (
        await store.read((tx) =>
          tx.all(query((db) => db.selectFrom('alerts').select('type').where('resolved_at', 'is', null))),
        )
      ).map(({ type }) => type),
    received: () => client.readContract({ address: usdc.address, abi, functionName: 'balanceOf', args: [PAYEE] }),
    /** A payment that is authorized, over 1 micro-USDC. */
    async payment(): Promise<PaymentId> {
      const id = newId('payment');
      await store.write(async (tx) => {
        await tx.run(addSponsor);
        await tx.run(addAgent);
        await tx.run(addPayment, { id, chainKey: paymentIdOnChain(id) });
      });
      return id;
    },
  };
}
