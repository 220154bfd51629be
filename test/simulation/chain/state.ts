import type { Address, Hex } from 'viem';
import type { WalletConfig } from '../../../src/chain/contracts/walletConfig.ts';

/** What AgentWallet stores. Values are replaced, never changed, so that states of several blocks can share them. */
export type WalletState = {
  readonly config: WalletConfig;
  readonly purse: Address;
  readonly executor: Address;
  readonly frozen: boolean;
  readonly epoch: number;
  /** The index above the highest that has paid, and which of the 72 below it have. */
  readonly next: number;
  readonly window: bigint;
  readonly period: bigint;
  readonly spent: bigint;
};
/** A key that sends: its nonce and its native coins. */
export type Sender = { readonly nonce: number; readonly wei: bigint };

/** The chain's state after a block. */
export type ChainState = {
  usdc: Map<Address, bigint>;
  senders: Map<Address, Sender>;
  wallets: Map<Address, WalletState>;
  /** Purses, with their wallets. */
  purses: Map<Address, Address>;
  /** Nonces of EIP-3009, as `<authorizer> <nonce>`. */
  authorizations: Map<string, 'used' | 'cancelled'>;
};

export const emptyState = (): ChainState => ({
  usdc: new Map(),
  senders: new Map(),
  wallets: new Map(),
  purses: new Map(),
  authorizations: new Map(),
});

export const copyOf = (state: ChainState): ChainState => ({
  usdc: new Map(state.usdc),
  senders: new Map(state.senders),
  wallets: new Map(state.wallets),
  purses: new Map(state.purses),
  authorizations: new Map(state.authorizations),
});

export const usdcOf = (state: ChainState, address: Address): bigint => state.usdc.get(address) ?? 0n;
export const senderOf = (state: ChainState, address: Address): Sender =>
  state.senders.get(address) ?? { nonce: 0, wei: 0n };
export const authorizationKey = (authorizer: Address, nonce: Hex): string => `${authorizer} ${nonce}`;

/** The indexes that a wallet remembers, and how far ahead of the highest one it accepts another. */
const WINDOW = 72;
const JUMP = 65_536;
const WINDOW_MASK = (1n << BigInt(WINDOW)) - 1n;

export const isIndexUsed = ({ next, window }: WalletState, index: number): boolean => {
  if (index >= next) return false;
  const age = next - 1 - index;
  return age >= WINDOW || ((window >> BigInt(age)) & 1n) === 1n;
};

/** The wallet with that index used, as `useIndex` of WalletPacking.sol; null where it refuses. */
export function withIndexUsed(wallet: WalletState, index: number): WalletState | 'used' | 'too_far' {
  if (index < wallet.next) {
    if (isIndexUsed(wallet, index)) return 'used';
    return { ...wallet, window: wallet.window | (1n << BigInt(wallet.next - 1 - index)) };
  }
  const step = index + 1 - wallet.next;
  if (step > JUMP) return 'too_far';
  return { ...wallet, next: index + 1, window: ((wallet.window << BigInt(step)) | 1n) & WINDOW_MASK };
}

/** What the wallet has spent in the period of that second. */
export function spentAt(wallet: WalletState, timestampS: number): bigint {
  return wallet.period === periodAt(wallet, timestampS) ? wallet.spent : 0n;
}
export const periodAt = ({ config }: WalletState, timestampS: number): bigint =>
  BigInt(Math.floor(timestampS / config.periodSeconds));
