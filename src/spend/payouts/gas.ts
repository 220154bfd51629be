import { type Address, erc20Abi } from 'viem';
import type { Chain } from '../../chain/node/chain.ts';
import type { PreviewedLine } from './preview.ts';

/**
 * Measured on anvil with Circle's USDC (`npm run bench -- payout`): a batch's transaction with its first reads of wallet, registry
 * and token; a payment to a holder; the extra cost of an address's first USDC (a slot from zero); a payment with approvals.
 */
const GAS_PER_TRANSACTION = 54_800n;
const GAS_PER_PAYMENT = 16_400n;
const GAS_FIRST_USDC = 17_100n;
const GAS_WITH_APPROVAL = 120_000n;

const MULTICALL3: Address = '0xcA11bde05977b3631167028862bE2a173976CA11';
const BALANCES_PER_CALL = 500;

export type GasEstimate = {
  transactions: number;
  gas: bigint;
  /** Lines to addresses without any USDC; null if the chain did not answer, in which case all are counted as such. */
  newHolders: number | null;
  /** The gas at the current price; null if the chain did not answer. */
  costWei: bigint | null;
};

/** The gas of the allowed lines, in batches of that size, and of those in review, if they are approved. */
export async function estimateGas(
  chain: Chain,
  lines: readonly PreviewedLine[],
  paymentsPerBatch: number,
): Promise<GasEstimate> {
  const paid = lines.filter(({ effect }) => effect === 'allow');
  const alone = paid.filter((line) => line.alone).length;
  const addresses = [...new Set(paid.flatMap(({ address }) => (address ? [address] : [])))];
  const newHolders = await withoutUsdc(chain, addresses).catch(() => null);
  const price = await chain.run((client) => client.getGasPrice()).catch(() => null);
  const transactions = Math.ceil((paid.length - alone) / paymentsPerBatch) + alone;
  const gas =
    BigInt(transactions - alone) * GAS_PER_TRANSACTION +
    BigInt(paid.length - alone) * GAS_PER_PAYMENT +
    BigInt(alone) * GAS_WITH_APPROVAL +
    BigInt(newHolders ?? addresses.length) * GAS_FIRST_USDC;
  return { transactions, gas, newHolders, costWei: price === null ? null : price * gas };
}

async function withoutUsdc(chain: Chain, addresses: readonly Address[]): Promise<number> {
  let count = 0;
  for (let from = 0; from < addresses.length; from += BALANCES_PER_CALL) {
    const part = addresses.slice(from, from + BALANCES_PER_CALL);
    const answers = await chain.run((client) =>
      client.multicall({
        contracts: part.map((address) => ({
          address: chain.token,
          abi: erc20Abi,
          functionName: 'balanceOf' as const,
          args: [address] as const,
        })),
        allowFailure: false,
        multicallAddress: MULTICALL3,
        batchSize: 0,
      }),
    );
    count += answers.filter((balance) => balance === 0n).length;
  }
  return count;
}
