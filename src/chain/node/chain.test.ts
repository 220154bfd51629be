import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseAbi } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { devAccounts } from '../../app/local-chain/accounts.ts';
import { type Anvil, startAnvil } from '../../app/local-chain/anvil.ts';
import { devClient } from '../../app/local-chain/client.ts';
import { type LyingRpc, startLyingRpc } from '../../app/local-chain/lyingRpc.ts';
import { deployUsdc, type Usdc } from '../../app/local-chain/usdc.ts';
import { query } from '../../store/statement.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { pinTokenDomain, readTokenDomain } from '../contracts/tokenDomain.ts';
import { openChain } from './chain.ts';

let anvil: Anvil;
let usdc: Usdc;
let rpc: LyingRpc;
beforeAll(async () => {
  anvil = await startAnvil();
  const client = devClient(anvil.url, anvil.chainId);
  usdc = await deployUsdc(client, { deployer: devAccounts[0], proxyAdmin: devAccounts[1].address, name: 'USD Coin' });
});
afterAll(() => anvil.stop());
beforeEach(async () => {
  rpc = await startLyingRpc(anvil.url);
});
afterEach(() => rpc.stop());

function chainAt(url: string, changes: { chainId?: number; token?: `0x${string}` } = {}) {
  return openChain({ chainId: 31_337, rpcUrl: url, token: usdc.address, timeoutMs: 300, ...changes });
}
const blockNumber = (chain: ReturnType<typeof chainAt>) => chain.run((client) => client.getBlockNumber());

describe('openChain', () => {
  it('reads, and sends what is asked in one turn as one request', async () => {
    const chain = chainAt(anvil.url);
    const [number, balance] = await chain.run((client) =>
      Promise.all([client.getBlockNumber(), client.getBalance({ address: devAccounts[3].address })]),
    );
    expect(number).toBeGreaterThan(0n);
    expect(balance).toBe(10_000n * 10n ** 18n);
  });

  it('refuses an RPC of another chain before anything is read', async () => {
    const chain = chainAt(rpc.url, { chainId: 8453 });
    await expect(blockNumber(chain)).rejects.toMatchObject({
      code: 'chain_mismatch',
      details: { expected: 8453, actual: 31_337 },
    });
    expect(rpc.asked).toEqual(['eth_chainId']);
  });

  it.each(['hang', 'drop'] as const)(
    'an RPC that does "%s" is unavailable, and is used again once it answers',
    async (lie) => {
      const chain = chainAt(rpc.url);
      rpc.tell(() => lie);
      await expect(blockNumber(chain)).rejects.toMatchObject({ code: 'chain_unavailable' });
      rpc.tell(() => 'pass');
      expect(await blockNumber(chain)).toBeGreaterThan(0n);
    },
  );

  it('checks the chain id again after an outage: another node may have taken its place', async () => {
    const chain = chainAt(rpc.url);
    await blockNumber(chain);
    rpc.tell(() => 'drop');
    await expect(blockNumber(chain)).rejects.toMatchObject({ code: 'chain_unavailable' });
    rpc.tell(({ method }) => (method === 'eth_chainId' ? { result: '0x1' } : 'pass'));
    await expect(blockNumber(chain)).rejects.toMatchObject({ code: 'chain_mismatch' });
  });

  it('what answers but speaks no JSON-RPC is unavailable, and the URL with its key is not repeated', async () => {
    const server: Server = createServer((_, response) => response.end('<html>secret-key</html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const failure = blockNumber(chainAt(`http://127.0.0.1:${port}/v2/secret-key`));
    await expect(failure).rejects.toMatchObject({ code: 'chain_unavailable' });
    await expect(failure).rejects.not.toThrow(/secret-key/);
    server.close();
  });

  it('an answer to a batch that is no list is unavailable too', async () => {
    const server: Server = createServer((_, response) =>
      response.end('{"jsonrpc":"2.0","error":{"code":1,"message":"no"}}'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(blockNumber(chainAt(`http://127.0.0.1:${port}`))).rejects.toMatchObject({ code: 'chain_unavailable' });
    server.close();
  });

  it('a revert is no outage', async () => {
    const abi = parseAbi(['function transfer(address to, uint256 amount) returns (bool)']);
    const call = chainAt(anvil.url).run((client) =>
      client.simulateContract({
        address: usdc.address,
        abi,
        functionName: 'transfer',
        args: [devAccounts[2].address, 1n],
      }),
    );
    await expect(call).rejects.toMatchObject({ name: 'ContractFunctionExecutionError' });
  });
});

describe('token domain', () => {
  it('is read from the chain', async () => {
    expect(await readTokenDomain(chainAt(anvil.url))).toMatchObject({ name: 'USD Coin', version: '2' });
  });

  it('an address without USDC is refused', async () => {
    const chain = chainAt(anvil.url, { token: devAccounts[5].address });
    await expect(readTokenDomain(chain)).rejects.toMatchObject({ code: 'not_configured' });
  });

  it('is pinned on first sight, and another one later is refused', async () => {
    const store = await openTestStore();
    const chain = chainAt(anvil.url);
    const first = await pinTokenDomain(store, chain);
    expect(await pinTokenDomain(store, chain)).toEqual(first);
    const renamed = query((db, f) =>
      db.updateTable('settings').set((eb) => ({ value: f.replaced(eb.ref('value'), 'USD Coin', 'USDC') })),
    );
    await store.write((tx) => tx.run(renamed));
    await expect(pinTokenDomain(store, chain)).rejects.toMatchObject({ code: 'chain_inconsistent' });
    await store.close();
  });
});
