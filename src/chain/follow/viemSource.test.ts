import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { devAccounts } from '../../app/local-chain/accounts.ts';
import { type LocalChain, startLocalChain } from '../../app/local-chain/localChain.ts';
import { type LyingRpc, startLyingRpc } from '../../app/local-chain/lyingRpc.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { openChain } from '../node/chain.ts';
import type { ChainSource, LogScope } from '../node/source.ts';
import { createFollower } from './follower.ts';
import { accountsOf, addAgent, addressFrom, alertsOf, CHAIN_ID, openBooks } from './testing/books.ts';
import { viemSource } from './viemSource.ts';

const [, , owner] = devAccounts;
const wallet = addressFrom('a wallet');
const purse = addressFrom('a purse');
const scope: LogScope = { wallets: [wallet], purses: [purse], payers: [] };
let local: LocalChain;
let rpc: LyingRpc;
let source: ChainSource;
let firstMint: bigint;

beforeAll(async () => {
  local = await startLocalChain({ owner });
  firstMint = (await local.client.getBlockNumber()) + 1n;
  for (const to of [wallet, purse, addressFrom('nobody')]) await local.mint(to, microUsdc(7n));
});
afterAll(() => local.stop());
beforeEach(async () => {
  rpc = await startLyingRpc(local.anvil.url);
  source = sourceOf();
});
afterEach(() => rpc.stop());
const sourceOf = (chainId = CHAIN_ID) =>
  viemSource(openChain({ chainId, rpcUrl: rpc.url, token: local.usdc.address, timeoutMs: 300 }));

describe('viemSource', () => {
  it('gives the logs of the addresses asked for and no others, each once', async () => {
    const logs = await source.logs({ fromBlock: 0n, toBlock: firstMint + 10n }, scope);
    expect(logs.map(({ blockNumber }) => blockNumber)).toEqual([firstMint, firstMint + 1n]);
    const both = await source.logs(
      { fromBlock: 0n, toBlock: firstMint },
      { wallets: [wallet, '0x0000000000000000000000000000000000000000'], purses: [], payers: [] },
    );
    expect(both).toHaveLength(1);
  });

  it('asks for many addresses in several questions and misses none', async () => {
    const wallets = Array.from({ length: 450 }, (_, n) => addressFrom(`wallet ${n}`));
    const logs = await source.logs(
      { fromBlock: 0n, toBlock: firstMint },
      { wallets: [...wallets, wallet], purses: [], payers: [] },
    );
    expect(logs).toHaveLength(1);
    expect(rpc.asked.filter((method) => method === 'eth_getLogs')).toHaveLength(9);
  });

  it('asks for less where the node finds a range too long, with the same result', async () => {
    rpc.tell(({ method, params }) => {
      if (method !== 'eth_getLogs') return 'pass';
      const [filter] = params as [{ fromBlock: string; toBlock: string }];
      return Number(filter.toBlock) - Number(filter.fromBlock) > 3
        ? { error: { code: -32_005, message: 'query returns more than 10000 results' } }
        : 'pass';
    });
    const logs = await source.logs({ fromBlock: 0n, toBlock: firstMint + 1n }, scope);
    expect(logs.map(({ blockNumber }) => blockNumber)).toEqual([firstMint, firstMint + 1n]);
  });

  it('refuses, rather than gives no logs, for a block that the node does not have', async () => {
    await expect(source.logs({ blockHash: `0x${'77'.repeat(32)}` }, scope)).rejects.toThrow();
  });

  it('has no header above the head, and no balance before the token was there', async () => {
    expect(await source.header(1_000_000n)).toBeNull();
    expect(await source.balanceOf(wallet, 0n)).toBe(0n);
    expect(await source.balanceOf(wallet, firstMint - 1n)).toBe(0n);
    expect(await source.balanceOf(wallet, firstMint)).toBe(7n);
  });

  it('knows the finalized block of the node', async () => {
    await local.client.mine({ blocks: 2 });
    const { number } = await source.head();
    expect(await source.finalized()).toBe(number - 2n);
  });
});

describe('a follower over it', () => {
  const open = async (chain: ChainSource) => {
    const store = await openBooks();
    const agent = await addAgent(store, 'payer', { wallet, purse });
    const finality = { kind: 'tag' } as const;
    return {
      store,
      agent,
      follower: createFollower({
        store: asLeader(store),
        chain,
        clock: () => 0,
        chainId: CHAIN_ID,
        finality,
        startBlock: 0n,
      }),
    };
  };

  it.each<['hang' | 'drop']>([['hang'], ['drop']])('survives an RPC that does nothing but %s', async (lie) => {
    const { store, agent, follower } = await open(source);
    rpc.tell(() => lie);
    expect(await follower.tick()).toMatchObject({ status: 'unavailable', error: { code: 'chain_unavailable' } });
    rpc.tell(() => 'pass');
    expect(await follower.tick()).toMatchObject({ status: 'synced' });
    expect(await accountsOf(store, agent)).toEqual({ suspense: 7n, purse: 7n });
    await store.close();
  });

  it('is stopped by an RPC of another chain', async () => {
    const { store, follower } = await open(sourceOf(1));
    expect(await follower.tick()).toMatchObject({ status: 'stopped', error: { code: 'chain_mismatch' } });
    expect(await alertsOf(store)).toMatchObject([{ type: 'chain_mismatch' }]);
    await store.close();
  });

  it('books nothing twice or not at all when logs are refused half-way', async () => {
    const { store, agent, follower } = await open(source);
    let count = 0;
    rpc.tell(({ method }) => {
      if (method !== 'eth_getLogs') return 'pass';
      count += 1;
      return count > 5 && count < 30 ? { error: { code: -32_000, message: 'header not found' } } : 'pass';
    });
    const statuses = new Set<string>();
    await expect
      .poll(async () => {
        const { status } = await follower.tick();
        statuses.add(status);
        return status;
      })
      .toBe('synced');
    expect(statuses).toContain('unavailable');
    expect(await accountsOf(store, agent)).toEqual({ suspense: 7n, purse: 7n });
    await store.close();
  });
});
