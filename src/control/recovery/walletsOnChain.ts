import { type Address, erc20Abi, parseAbiItem } from 'viem';
import type { Chain } from '../../chain/node/chain.ts';

export type WalletOnChain = { wallet: Address; purse: Address; owner: Address; balance: bigint; purseBalance: bigint };

const created = parseAbiItem(
  'event WalletCreated(address indexed wallet, address indexed purse, bytes32 indexed salt, address owner)',
);
/** The range that public RPCs permit in one request. */
const BLOCKS_PER_QUESTION = 1_000n;

/**
 * Lists the wallets that the factory has made, with their balances and their purses': the only source when the books are lost.
 * `owner` is the owner at creation. Throws `chain_unavailable`.
 */
export async function walletsOnChain(
  chain: Chain,
  factory: Address,
  fromBlock: bigint,
  each: (block: bigint, head: bigint) => void = () => {},
): Promise<WalletOnChain[]> {
  const head = await chain.run((client) => client.getBlockNumber());
  const found: WalletOnChain[] = [];
  for (let from = fromBlock; from <= head; from += BLOCKS_PER_QUESTION) {
    const to = from + BLOCKS_PER_QUESTION - 1n < head ? from + BLOCKS_PER_QUESTION - 1n : head;
    const logs = await chain.run((client) =>
      client.getLogs({ address: factory, event: created, fromBlock: from, toBlock: to, strict: true }),
    );
    for (const { args } of logs) {
      const { wallet, purse, owner } = args;
      const [balance, purseBalance] = await chain.run((client) =>
        Promise.all(
          [wallet, purse].map((account) =>
            client.readContract({ address: chain.token, abi: erc20Abi, functionName: 'balanceOf', args: [account] }),
          ),
        ),
      );
      found.push({ wallet, purse, owner, balance: balance ?? 0n, purseBalance: purseBalance ?? 0n });
    }
    each(to, head);
  }
  return found;
}
