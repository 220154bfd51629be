import { type Address, isAddressEqual, type PublicClient, parseAbi, zeroAddress } from 'viem';
import { agentWalletAbi, agentWalletFactoryAbi, policyRegistryAbi } from '../contracts/contracts.generated.ts';
import { factoryAddress } from '../contracts/factoryAddress.ts';
import { compared, type Finding, finding } from './finding.ts';
import { viewOf } from './node.ts';

/** Facts that an auditor knows from a source other than the server. One of the first two is enough. */
export type Trusted = {
  /** The owner of the organisation's factory, and so of its wallets. */
  organisation?: Address;
  factory?: Address;
  /** The owner of the registry at that time, if it is not the organisation's current owner. */
  registryOwner?: Address;
};

export type OrganisationCheck = {
  findings: Finding[];
  /** The assumptions of the check, as text. */
  assumed: string[];
  /** The factory's owner; null if there is no genuine factory. */
  owner: Address | null;
  registry: Address | null;
};

const ownershipAbi = parseAbi(['event OwnershipTransferred(address indexed previousOwner, address indexed newOwner)']);

/**
 * Checks that the wallet belongs to the organisation. The factory must be the genuine one of its owner (its address follows from
 * code and owner), it must have created this wallet, which needs the owner's consent, and the wallet's registry must have been the
 * owner's too.
 */
export async function checkOrganisation(
  client: PublicClient,
  at: { wallet: Address; factory: Address; blockNumber: bigint },
  trusted: Trusted,
): Promise<OrganisationCheck> {
  const { wallet, factory, blockNumber } = at;
  const onFactory = { address: factory, abi: agentWalletFactoryAbi } as const;
  const owner = await viewOf(client, { ...onFactory, functionName: 'owner' });
  if (owner === null || !isAddressEqual(factoryAddress(owner), factory)) {
    const why = owner === null ? 'has no owner' : `is not where the genuine factory of ${owner} is`;
    const findings = [finding('factory', false, `${factory} ${why}`, ['chain.factory'])];
    return { findings, assumed: [], owner: null, registry: null };
  }
  const [isWallet, token, registry] = await Promise.all([
    viewOf(client, { ...onFactory, functionName: 'isWallet', args: [wallet] }),
    viewOf(client, { ...onFactory, functionName: 'token' }),
    viewOf(client, { ...onFactory, functionName: 'registry' }),
  ]);
  const onWallet = { address: wallet, abi: agentWalletAbi } as const;
  const [itsToken, itsRegistry] = await Promise.all([
    viewOf(client, { ...onWallet, functionName: 'token' }),
    viewOf(client, { ...onWallet, functionName: 'registry' }),
  ]);
  const pinned = registry !== null && registry !== zeroAddress;
  return {
    findings: [
      finding(
        'factory',
        true,
        `${factory} is the genuine factory of ${owner}: its address follows from code and owner`,
      ),
      finding('wallet origin', isWallet === true, `${factory} created ${wallet} with the consent of ${owner}`, [
        'chain.wallet',
        'chain.factory',
      ]),
      compared('wallet and factory', `both have the token ${token} and the registry ${registry}`, 'the factory has', [
        [`token of ${wallet}`, itsToken, token],
        [`registry of ${wallet}`, itsRegistry, registry],
      ]),
      pinned
        ? await registryFinding(client, { registry, owner: trusted.registryOwner ?? owner, blockNumber })
        : finding('registry', true, "unpinned wallet: the policy digest is the executor's claim"),
      ...trustFindings({ owner, factory }, trusted),
    ],
    assumed: [
      ...(trusted.organisation || trusted.factory
        ? []
        : [
            `${owner} is the owner of the organisation that you mean. Anyone can have a factory of its own: give --organisation <address> or --factory <address>, as the organisation itself tells it.`,
          ]),
      `${token} is USDC on this chain, as the organisation's owner configured its factory.`,
    ],
    owner,
    registry,
  };
}

function trustFindings(is: { owner: Address; factory: Address }, { organisation, factory }: Trusted): Finding[] {
  const findings: Finding[] = [];
  if (organisation) {
    const same = isAddressEqual(organisation, is.owner);
    const detail = same
      ? `${is.owner} is the one you named`
      : `the wallet is of ${is.owner}, you named ${organisation}`;
    findings.push(finding('organisation', same, detail, ['chain.factory']));
  }
  if (factory) {
    const same = isAddressEqual(factory, is.factory);
    const detail = same ? `${is.factory} is the one you named` : `the wallet is of ${is.factory}, you named ${factory}`;
    findings.push(finding('organisation', same, detail, ['chain.factory']));
  }
  return findings;
}

/**
 * A pinned wallet and its purse refuse every digest that the registry does not have active, so the payment's log is itself the
 * proof.
 */
async function registryFinding(
  client: PublicClient,
  { registry, owner, blockNumber }: { registry: Address; owner: Address; blockNumber: bigint },
): Promise<Finding> {
  const now = await viewOf(client, { address: registry, abi: policyRegistryAbi, functionName: 'owner' });
  const then = (await ownerAt(client, registry, blockNumber)) ?? now;
  const changed = now !== null && then !== null && !isAddressEqual(now, then) ? ` (its owner is ${now} now)` : '';
  if (then === null || !isAddressEqual(then, owner)) {
    const detail = `the registry ${registry} was owned by ${then ?? 'nobody'} when this was paid, not by ${owner}${changed}; where the organisation had moved it there, give --registry-owner`;
    return finding('registry', false, detail, ['chain.wallet', 'chain.factory']);
  }
  return finding(
    'registry',
    true,
    `the wallet takes only policies that ${registry}, of ${owner}, has active${changed}`,
  );
}

/** By the registry's own logs, else by the state at that block; null if the node has neither. */
async function ownerAt(client: PublicClient, registry: Address, blockNumber: bigint): Promise<Address | null> {
  const logs = await client
    .getContractEvents({ address: registry, abi: ownershipAbi, fromBlock: 0n, toBlock: blockNumber })
    .catch(() => []);
  const last = logs.at(-1)?.args.newOwner;
  if (last) return last;
  return viewOf(client, { address: registry, abi: policyRegistryAbi, functionName: 'owner', blockNumber });
}

/**
 * The genuine factory whose logs say that it created the wallet, searched in the logs of all contracts; null if there is none, or
 * the node cannot search.
 */
export async function findFactory(client: PublicClient, wallet: Address, toBlock: bigint): Promise<Address | null> {
  const logs = await client.getLogs({ event: walletCreated, args: { wallet }, fromBlock: 0n, toBlock }).catch(() => []);
  // Anyone can emit this event, so only a genuine factory's event counts.
  for (const { address } of logs.slice(0, SEARCH_MAX)) {
    const owner = await viewOf(client, { address, abi: agentWalletFactoryAbi, functionName: 'owner' });
    if (owner === null || !isAddressEqual(factoryAddress(owner), address)) continue;
    const args = [wallet] as const;
    if (await viewOf(client, { address, abi: agentWalletFactoryAbi, functionName: 'isWallet', args })) return address;
  }
  return null;
}

const SEARCH_MAX = 20;
const [walletCreated] = parseAbi([
  'event WalletCreated(address indexed wallet, address indexed purse, bytes32 indexed salt, address owner)',
]);
