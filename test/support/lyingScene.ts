import { parseAbi } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { devAccounts } from '../../src/app/local-chain/accounts.ts';
import { sendInOrder } from '../../src/app/local-chain/client.ts';
import { type LocalChain, startLocalChain } from '../../src/app/local-chain/localChain.ts';
import { type LyingRpc, startLyingRpc } from '../../src/app/local-chain/lyingRpc.ts';
import { checkFigures } from '../../src/books/ledger/check.ts';
import { type Call, createWalletCall, payBatchCall, payCall } from '../../src/chain/contracts/agentWallet.ts';
import { approvedTransferFromReservation } from '../../src/chain/contracts/approvedTransfer.ts';
import { predictAddresses, walletConfig } from '../../src/chain/contracts/walletConfig.ts';
import {
  createFollower,
  type Follower,
  type FollowerOptions,
  type TickReport,
} from '../../src/chain/follow/follower.ts';
import {
  addAgent,
  addPayment,
  alertsOf,
  CHAIN_ID,
  openBooks,
  POLICY,
  type TestAgent,
  type TestPayment,
} from '../../src/chain/follow/testing/books.ts';
import { viemSource } from '../../src/chain/follow/viemSource.ts';
import { openChain } from '../../src/chain/node/chain.ts';
import { newId } from '../../src/core/ids/ids.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import type { Payment } from '../../src/decide/payments/payment.ts';
import { asLeader } from '../../src/store/leases/testing/asLeader.ts';
import type { Store } from '../../src/store/store.ts';

const transferAbi = parseAbi(['function transfer(address to, uint256 amount) returns (bool)']);
const [, , owner, guardian, treasury, seller] = devAccounts;
export const DEPTH = 2;

/** Books of one agent with 100 USDC on a real node, followed through a node that lies on demand; `honest` goes past it. */
export type LyingScene = {
  local: LocalChain;
  rpc: LyingRpc;
  store: Store;
  agent: TestAgent;
  follower: Follower;
  add(input?: Partial<TestPayment>): Promise<Payment>;
  /** The agent's executor pays these: one transaction, one block. */
  pay(...payments: Payment[]): Promise<void>;
  send(account: Parameters<typeof sendInOrder>[1], ...calls: Call[]): Promise<void>;
  /** What somebody else gives the agent. */
  gift(amount: bigint): Promise<void>;
  ticks(count: number): Promise<TickReport>;
  /** Ticks until there is nothing more to do. */
  follow(): Promise<TickReport>;
  restart(options?: Partial<FollowerOptions>): void;
  openAlerts(): Promise<string[]>;
  /** Of all checks of the ledger against the real node, what is not so. */
  findings(): Promise<string[]>;
  close(): Promise<void>;
};

export type LyingWorld = { scene(): Promise<LyingScene>; stop(): Promise<void> };

/** One chain for a file of tests, and books, agent and lying node for each test. */
export async function lyingWorld(): Promise<LyingWorld> {
  const local = await startLocalChain({ owner, policyDigest: POLICY });
  const executor = privateKeyToAccount(generatePrivateKey());
  await local.fundGas([executor.address]);
  await local.mint(treasury.address, microUsdc(5_000_000_000n));
  const honest = openChain({ chainId: CHAIN_ID, rpcUrl: local.anvil.url, token: local.usdc.address });

  async function scene(): Promise<LyingScene> {
    const rpc = await startLyingRpc(local.anvil.url);
    const told = openChain({ chainId: CHAIN_ID, rpcUrl: rpc.url, token: local.usdc.address, timeoutMs: 2_000 });
    const store = await openBooks(':memory:', treasury.address);
    const config = walletConfig({
      agentId: newId('agent'),
      owner: owner.address,
      guardian: guardian.address,
      executor: executor.address,
    });
    const places = predictAddresses(local.factory, config);
    await sendInOrder(local.client, owner, [createWalletCall(local.factory, config)]);
    const agent = await addAgent(store, 'payer', places);
    const makeFollower = (options: Partial<FollowerOptions> = {}): Follower =>
      createFollower({
        store: asLeader(store),
        chain: viemSource(told, local.registry),
        clock: () => 0,
        chainId: CHAIN_ID,
        finality: { kind: 'depth', blocks: DEPTH },
        ...options,
      });
    const give = async (amount: bigint): Promise<void> => {
      const call = { address: local.usdc.address, abi: transferAbi, functionName: 'transfer' } as const;
      const hash = await local.client.writeContract({ account: treasury, ...call, args: [agent.wallet, amount] });
      await local.client.waitForTransactionReceipt({ hash });
    };
    const set: LyingScene = {
      local,
      rpc,
      store,
      agent,
      follower: makeFollower(),
      add: (input) => store.write((tx) => addPayment(tx, { agent, to: seller.address, amount: 10_000_000n, ...input })),
      pay: async (...payments) => {
        const transfers = payments.map((payment) => approvedTransferFromReservation(payment, agent));
        const [first] = transfers;
        if (!first) return;
        await sendInOrder(local.client, executor, [transfers.length > 1 ? payBatchCall(transfers) : payCall(first)]);
      },
      send: async (account, ...calls) => {
        await sendInOrder(local.client, account, calls);
      },
      gift: give,
      ticks: async (count) => {
        let report = await set.follower.tick();
        for (let done = 1; done < count; done += 1) report = await set.follower.tick();
        return report;
      },
      follow: async () => {
        for (let ticks = 0; ticks < 50; ticks += 1) {
          const report = await set.follower.tick();
          if (report.status !== 'behind') return report;
        }
        throw new Error('The follower never arrives.');
      },
      restart: (options) => {
        set.follower = makeFollower(options);
      },
      openAlerts: async () => (await alertsOf(store)).filter(({ open }) => open).map(({ type }) => type),
      findings: async () =>
        (await checkFigures(store, { chainId: CHAIN_ID, source: viemSource(honest, local.registry) })).findings,
      close: async () => {
        await rpc.stop();
        await store.close();
      },
    };
    await local.client.mine({ blocks: DEPTH + 1 });
    await set.follow();
    await give(100_000_000n);
    await local.client.mine({ blocks: DEPTH + 1 });
    await set.follow();
    return set;
  }
  return { scene, stop: () => local.stop() };
}
