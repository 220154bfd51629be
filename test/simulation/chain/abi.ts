import {
  type AbiEvent,
  type AbiFunction,
  type AbiParameter,
  type Address,
  decodeAbiParameters,
  encodeAbiParameters,
  encodeErrorResult,
  encodeEventTopics,
  type Hex,
  parseAbi,
  toFunctionSelector,
} from 'viem';
import {
  agentWalletAbi,
  agentWalletFactoryAbi,
  x402PurseAbi,
} from '../../../src/chain/contracts/contracts.generated.ts';

/** Circle's FiatToken, as far as our code and its counterparties call it. */
const usdcAbi = parseAbi([
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function decimals() view returns (uint8)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function balanceOf(address account) view returns (uint256)',
  'function paused() view returns (bool)',
  'function isBlacklisted(address account) view returns (bool)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
  'function transfer(address to, uint256 amount) returns (bool)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
  'event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce)',
]);

type Item = { type: string; name?: string };
export type Log = { address: Address; topics: Hex[]; data: Hex };

/** Functions by selector: viem's own look-up hashes the whole ABI at each call. */
function bySelector(abi: readonly Item[]): ReadonlyMap<string, AbiFunction> {
  const functions = abi.filter((item): item is AbiFunction => item.type === 'function');
  return new Map(functions.map((item) => [toFunctionSelector(item), item]));
}
const contracts = {
  usdc: bySelector(usdcAbi),
  wallet: bySelector(agentWalletAbi),
  factory: bySelector(agentWalletFactoryAbi),
  purse: bySelector(x402PurseAbi),
};
export type ContractKind = keyof typeof contracts;
export type Called = { name: string; args: readonly unknown[]; answer: (...values: unknown[]) => Hex };

/** The function that call data names; null for one that the contract does not have. */
export function calledOf(kind: ContractKind, data: Hex): Called | null {
  const item = contracts[kind].get(data.slice(0, 10));
  if (!item) return null;
  const args = item.inputs.length === 0 ? [] : decodeAbiParameters(item.inputs, `0x${data.slice(10)}`);
  return { name: item.name, args, answer: (...values) => encodeAbiParameters(item.outputs, values) };
}

const events = [...usdcAbi, ...agentWalletAbi, ...agentWalletFactoryAbi, ...x402PurseAbi].filter(
  (item): item is AbiEvent & (typeof usdcAbi | typeof agentWalletAbi)[number] => item.type === 'event',
);

/** A log as the contract would emit it. */
export function logOf(address: Address, name: string, args: Record<string, unknown>): Log {
  const event: AbiEvent | undefined = events.find((item) => item.name === name);
  if (!event) throw new Error(`The model knows no event ${name}.`);
  const topics = encodeEventTopics({ abi: [event], args }) as Hex[];
  const plain: AbiParameter[] = event.inputs.filter(({ indexed }) => !indexed);
  const values = plain.map((input) => args[input.name ?? '']);
  return { address, topics, data: encodeAbiParameters(plain, values) };
}

/** A contract refused. `data`: what a node returns as revert data. */
export class Reverted extends Error {
  readonly data: Hex;
  constructor(name: string, args: readonly unknown[] = []) {
    super(name);
    this.data =
      name === 'Error'
        ? encodeErrorResult({ abi: parseAbi(['error Error(string)']), errorName: 'Error', args: args as [string] })
        : encodeErrorResult({ abi: [...agentWalletAbi, ...x402PurseAbi], errorName: name, args } as never);
  }
}
