import {
  type Account,
  type Address,
  type Chain,
  createTestClient,
  defineChain,
  type Hex,
  http,
  type PublicActions,
  publicActions,
  type TestClient,
  type Transport,
  type WalletActions,
  walletActions,
} from 'viem';
import { BursarError } from '../../core/errors/base.ts';

/** Public, wallet and anvil actions on one local chain. */
export type DevClient = TestClient<'anvil', Transport, Chain> &
  PublicActions<Transport, Chain> &
  WalletActions<Chain, undefined>;

export function devClient(url: string, chainId: number): DevClient {
  const chain = defineChain({
    id: chainId,
    name: `local ${chainId}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  return createTestClient({ mode: 'anvil', chain, transport: http(url), pollingInterval: 10, cacheTime: 0 })
    .extend(publicActions)
    .extend(walletActions);
}

export type DevTransaction = { to?: Address; data: Hex; value?: bigint };

/** Sends all under consecutive nonces without waiting in between, then waits until the last is mined. Throws on a revert. */
export async function sendInOrder(
  client: DevClient,
  account: Account,
  transactions: readonly DevTransaction[],
): Promise<Hex[]> {
  let nonce = await client.getTransactionCount({ address: account.address, blockTag: 'pending' });
  const fees = await client.estimateFeesPerGas();
  const hashes: Hex[] = [];
  for (const transaction of transactions) {
    // A fixed limit: an estimate would need the earlier transaction to be mined already.
    hashes.push(await client.sendTransaction({ account, nonce, gas: 8_000_000n, ...fees, ...transaction }));
    nonce += 1;
  }
  for (const hash of hashes) {
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status === 'reverted') {
      throw new BursarError('transfer_reverted', { message: `A set-up transaction reverted: ${hash}.` });
    }
  }
  return hashes;
}
