import { type Account, type Address, encodeFunctionData, erc20Abi, parseAbi } from 'viem';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import { devAccounts } from '../local-chain/accounts.ts';
import { type DevClient, sendInOrder } from '../local-chain/client.ts';

const mintAbi = parseAbi(['function mint(address to, uint256 amount)']);

/**
 * On a local chain: mints USDC to the sponsors' treasury and sends it on from there, so that it arrives as a deposit. Resolves once
 * it is mined.
 */
export async function fundFromTreasury(
  client: DevClient,
  terms: { usdc: Address; treasury: Account; to: Address; amount: MicroUsdc },
): Promise<void> {
  const { usdc, treasury, to, amount } = terms;
  const mint = encodeFunctionData({ abi: mintAbi, functionName: 'mint', args: [treasury.address, amount] });
  const transfer = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [to, amount] });
  await sendInOrder(client, devAccounts[0], [{ to: usdc, data: mint }]);
  await sendInOrder(client, treasury, [{ to: usdc, data: transfer }]);
}
