import { type Address, getAddress, isAddressEqual, type PublicClient, zeroAddress } from 'viem';
import { agentWalletAbi, agentWalletFactoryAbi } from '../wallet/contracts.generated.ts';
import { compared, type Finding, finding } from './finding.ts';
import type { Receipt } from './receipt.ts';

/** That the wallet is what the receipt says it is, so that its logs mean what they say. */
export async function checkOrigin(receipt: Receipt, client: PublicClient): Promise<Finding[]> {
  return [
    await walletFinding(receipt, client),
    await registryFinding(receipt, client),
    await originFinding(receipt, client, BigInt(receipt.settlement.block_number)),
  ];
}

/** Logs of another token or another purse than the wallet's own say nothing: anybody can emit them. */
async function walletFinding(receipt: Receipt, client: PublicClient): Promise<Finding> {
  const { wallet, token, purse } = receipt.chain;
  const read = (functionName: 'token' | 'purse') =>
    client.readContract({ address: getAddress(wallet), abi: agentWalletAbi, functionName }).catch(() => null);
  const [itsToken, itsPurse] = await Promise.all([read('token'), read('purse')]);
  return compared('token and purse', `${wallet} pays in ${itsToken} and has the purse ${itsPurse}`, `${wallet} says`, [
    ['chain.token', token, itsToken],
    ['chain.purse', purse, itsPurse],
  ]);
}

/** A pinned wallet and its purse refuse every digest that the registry does not have active: the log itself is the proof. */
async function registryFinding(receipt: Receipt, client: PublicClient): Promise<Finding> {
  const registry = await client
    .readContract({ address: getAddress(receipt.chain.wallet), abi: agentWalletAbi, functionName: 'registry' })
    .catch(() => null);
  if (registry === null)
    return finding('registry', false, `${receipt.chain.wallet} is no AgentWallet`, ['chain.wallet']);
  return registry === zeroAddress
    ? finding('registry', true, "unpinned wallet: the digest is the executor's claim")
    : finding('registry', true, `the wallet takes only policies that ${registry} has active`);
}

/** That the wallet and its purse are the factory's own. */
async function originFinding(receipt: Receipt, client: PublicClient, blockNumber: bigint): Promise<Finding> {
  const { factory, wallet, purse } = receipt.chain;
  const name = 'wallet origin';
  const made = await client
    .getContractEvents({
      address: getAddress(factory),
      abi: agentWalletFactoryAbi,
      eventName: 'WalletCreated',
      args: { wallet: getAddress(wallet), purse: getAddress(purse) },
      fromBlock: 0n,
      toBlock: blockNumber,
    })
    .catch(() => null);
  const fields = ['chain.factory', 'chain.wallet', 'chain.purse'];
  if (made === null) return finding(name, false, 'NOT checked: the node refuses to search for WalletCreated', fields);
  return finding(
    name,
    made.length === 1 && isAddressEqual(made[0]?.args.wallet as Address, wallet as Address),
    `made by the factory ${factory}: compare it with the one your organisation names`,
    fields,
  );
}
