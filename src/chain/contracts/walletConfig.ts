import {
  type Address,
  concatHex,
  encodeAbiParameters,
  getAddress,
  getContractAddress,
  type Hex,
  isAddress,
  keccak256,
  toHex,
} from 'viem';
import { z } from 'zod';
import { invariant } from '../../core/errors/base.ts';
import type { AgentId } from '../../core/ids/ids.ts';
import { type MicroUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import { agentWalletBytecode, agentWalletFactoryAbi, x402PurseBytecode } from './contracts.generated.ts';
import { NEVER } from './validity.ts';

/** The configuration of a wallet; its address depends on every field. Field names are those of the contract. */
export type WalletConfig = {
  owner: Address;
  /** May freeze. */
  guardian: Address;
  /** The server's key, which pays within the ceilings. */
  executor: Address;
  approvers: readonly Address[];
  /** The number of approvers that must sign; 0 only without approvers. */
  threshold: number;
  perPayment: MicroUsdc;
  perPeriod: MicroUsdc;
  periodSeconds: number;
  /** Epoch seconds from which the executor can no longer pay; 2^40-1 means never. */
  validUntil: number;
  /** The seconds that a raise of a ceiling waits. */
  raiseDelay: number;
  allowListOn: boolean;
  allowList: readonly Address[];
  salt: Hex;
};

export type WalletAddresses = { wallet: Address; purse: Address };

const DAY_SECONDS = 86_400;

/** Ceilings are the second lock, behind the policy: only mistakes and thefts should reach them. */
const defaults = {
  approvers: [],
  threshold: 0,
  perPayment: microUsdc(1_000_000_000n),
  perPeriod: microUsdc(5_000_000_000n),
  periodSeconds: DAY_SECONDS,
  validUntil: NEVER,
  raiseDelay: DAY_SECONDS,
  allowListOn: false,
  allowList: [],
} as const satisfies Partial<WalletConfig>;

/**
 * A wallet's default configuration: 1,000 USDC a payment, 5,000 a day, raises after a day, no allow-list, a salt from the agent's
 * id.
 */
export function walletConfig(
  given: Pick<WalletConfig, 'owner' | 'guardian' | 'executor'> & Partial<WalletConfig> & { agentId: AgentId },
): WalletConfig {
  const { agentId, ...fields } = given;
  return { ...defaults, salt: keccak256(toHex(agentId)), ...fields };
}

/**
 * Computes the addresses of the wallet and its purse offline (EIP-1014); the same on each chain where the factory has the same
 * address. `factory` must be of this build, because the init code is part of the address.
 */
export function predictAddresses(factory: Address, config: WalletConfig): WalletAddresses {
  const salt = saltOf(config);
  const at = (bytecode: Hex): Address => getContractAddress({ opcode: 'CREATE2', from: factory, salt, bytecode });
  return { wallet: at(agentWalletBytecode), purse: at(x402PurseBytecode) };
}

/** keccak256 of the whole configuration: no wallet with another configuration can be at this address. */
export function saltOf(config: WalletConfig): Hex {
  const create = agentWalletFactoryAbi.find((item) => item.type === 'function' && item.name === 'createWallet');
  if (create?.type !== 'function' || create.name !== 'createWallet') throw new Error('unreachable');
  return keccak256(encodeAbiParameters(create.inputs, [config]));
}

const AddressText = z
  .string()
  .refine((text) => isAddress(text))
  .transform((text) => getAddress(text));
const Seconds = z.int().min(0).max(NEVER);
const Amount = z
  .string()
  .regex(/^[0-9]{1,16}$/)
  .transform((text) => microUsdc(BigInt(text)));
const StoredConfig = z.strictObject({
  owner: AddressText,
  guardian: AddressText,
  executor: AddressText,
  approvers: z.array(AddressText),
  threshold: z.int().min(0).max(255),
  perPayment: Amount,
  perPeriod: Amount,
  periodSeconds: Seconds,
  validUntil: Seconds,
  raiseDelay: Seconds,
  allowListOn: z.boolean(),
  allowList: z.array(AddressText),
  salt: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/)
    .transform((text) => concatHex([text as Hex])),
});

/** For `wallets.config_json`: amounts as decimal strings of micro-USDC. */
export function walletConfigToJson(config: WalletConfig): string {
  return JSON.stringify({ ...config, perPayment: `${config.perPayment}`, perPeriod: `${config.perPeriod}` });
}

/** Throws a ZodError on input that `walletConfigToJson` did not write. */
export function walletConfigFromJson(text: string): WalletConfig {
  return StoredConfig.parse(JSON.parse(text));
}

/** The key of ours that a wallet takes payments from: its own, or the first where that one is gone and the owner has set another. */
export function executorOf(configJson: string, executors: readonly Address[]): Address {
  const { executor } = walletConfigFromJson(configJson);
  const chosen = executors.includes(executor) ? executor : executors[0];
  invariant(chosen !== undefined, 'There is a key that sends payments.');
  return chosen;
}
