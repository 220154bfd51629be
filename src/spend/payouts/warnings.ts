import type { Address } from 'viem';
import { readWalletState } from '../../chain/contracts/walletState.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import type { GasEstimate } from './gas.ts';
import type { PreviewedLine } from './preview.ts';

export type Warning = {
  code: 'above_period_ceiling' | 'insufficient_gas' | 'chain_unavailable' | 'repeats_payout';
  message: string;
};

/**
 * The reasons why allowed lines would not settle, by the current chain state: the wallet's ceiling for its period, the relayer's
 * gas.
 */
export async function warningsOf(
  chain: Chain,
  executor: Address,
  { wallet }: Agent,
  { lines, gas }: { lines: readonly PreviewedLine[]; gas: GasEstimate },
): Promise<Warning[]> {
  const paid = lines
    .filter(({ effect, alone }) => effect === 'allow' && !alone)
    .reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
  if (!wallet || paid === 0n) return [];
  try {
    const [state, balance] = await Promise.all([
      readWalletState(chain, wallet.address),
      chain.run((client) => client.getBalance({ address: executor })),
    ]);
    const remaining = state?.remainingInPeriod ?? BigInt(wallet.ceilings.perPeriod);
    const ceiling: Warning = {
      code: 'above_period_ceiling',
      message: `The wallet's contract lets ${formatUsdc(remaining)} USDC more out in this period; ${formatUsdc(paid)} are allowed here. What is above it will fail.`,
    };
    const fees: Warning = {
      code: 'insufficient_gas',
      message: `The relayer ${executor} has ${balance} wei, less than the gas is estimated to cost. Payments wait until it has more.`,
    };
    return [...(paid > remaining ? [ceiling] : []), ...((gas.costWei ?? 0n) > balance ? [fees] : [])];
  } catch {
    return [
      { code: 'chain_unavailable', message: 'The chain does not answer, so ceilings and gas were not looked at.' },
    ];
  }
}
