import { type Address, decodeEventLog, getAddress, type Hex, parseAbi, toEventSelector } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { agentWalletAbi } from '../contracts/contracts.generated.ts';
import type { ChainLog, ChainSource } from '../node/source.ts';
import type { AddressBook } from './addressBook.ts';
import { type RegistryChangeFact, readRegistryChange } from './registryChanges.ts';
import { changeSelectors, readChange, type WalletChangeFact } from './walletChanges.ts';

/** EIP-20 and EIP-3009 events of USDC. */
export const usdcEvents = parseAbi([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
  'event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce)',
]);

export type LogPosition = Pick<ChainLog, 'blockNumber' | 'blockHash' | 'txHash' | 'logIndex'>;

export type TransferFact = { type: 'transfer'; at: LogPosition; from: Address; to: Address; amount: bigint };
export type ExecutedFact = {
  type: 'executed';
  at: LogPosition;
  wallet: Address;
  chainKey: Hex;
  payee: Address;
  policyDigest: Hex;
  amount: bigint;
  decisionHash: Hex;
};
export type AuthorizationFact = {
  type: 'authorization_used' | 'authorization_canceled';
  at: LogPosition;
  /** One of our addresses; for `authorization_used` also a payer's address. */
  purse: Address;
  nonce: Hex;
};
export type WithdrawnFact = { type: 'withdrawn'; at: LogPosition; wallet: Address; to: Address; amount: bigint };
export type FreezeFact = { type: 'frozen' | 'unfrozen'; at: LogPosition; wallet: Address; caller: Address };
export type Fact =
  | TransferFact
  | ExecutedFact
  | AuthorizationFact
  | WithdrawnFact
  | FreezeFact
  | WalletChangeFact
  | RegistryChangeFact;

export type FactScope = {
  token: Address;
  registry?: Address | undefined;
  isWallet(address: Address): boolean;
  isPurse(address: Address): boolean;
  /** A payer whose x402 payment to one of ours was announced. */
  isPayer(address: Address): boolean;
};

/** The contracts whose logs count: the token, the registry, and the wallets and purses in the book. */
export function factScope(chain: Pick<ChainSource, 'token' | 'registry'>, book: AddressBook): FactScope {
  return {
    token: chain.token,
    registry: chain.registry,
    isWallet: book.isWallet.bind(book),
    isPurse: book.isPurse.bind(book),
    isPayer: book.isPayer.bind(book),
  };
}

const tokenSelectors: ReadonlySet<string> = new Set(usdcEvents.map((event) => toEventSelector(event)));
const walletEvents = agentWalletAbi.filter(
  (item) => item.type === 'event' && ['PaymentExecuted', 'Withdrawn', 'Frozen', 'Unfrozen'].includes(item.name),
);
const moneySelectors = walletEvents.map((item) => {
  if (item.type !== 'event') throw new BursarError('invariant_violated');
  return toEventSelector(item);
});
export const walletSelectors: readonly Hex[] = [...moneySelectors, ...changeSelectors];

/**
 * Returns the facts that concern us, in the order of the chain. Only the token can report a transfer, and only a wallet of ours a
 * payment: the same events from other contracts are dropped. Transfers of zero are dropped too, because anyone can make USDC emit
 * one from any address. Throws `chain_unavailable` on a log that cannot be read.
 */
export function readFacts(logs: readonly ChainLog[], scope: FactScope): Fact[] {
  const facts: Fact[] = [];
  for (const log of logs) {
    const fact = readFact(log, scope);
    if (fact) facts.push(fact);
  }
  return facts.sort((a, b) =>
    a.at.blockNumber === b.at.blockNumber
      ? a.at.logIndex - b.at.logIndex
      : a.at.blockNumber < b.at.blockNumber
        ? -1
        : 1,
  );
}

function readFact(log: ChainLog, scope: FactScope): Fact | null {
  const emitter = getAddress(log.address);
  const selector = log.topics[0];
  if (selector === undefined) return null;
  try {
    if (emitter === scope.token) return tokenSelectors.has(selector) ? tokenFact(log, scope) : null;
    if (emitter === scope.registry) return readRegistryChange(log, positionOf(log));
    if (scope.isWallet(emitter)) return walletSelectors.includes(selector) ? walletFact(log, emitter, scope) : null;
    return null;
  } catch (cause) {
    throw new BursarError('chain_unavailable', {
      message: `The RPC sent a log that cannot be read: ${log.txHash} #${log.logIndex}.`,
      cause,
    });
  }
}

const topicsOf = (log: ChainLog) => log.topics as [Hex, ...Hex[]];
const positionOf = (log: ChainLog): LogPosition => ({
  blockNumber: log.blockNumber,
  blockHash: log.blockHash,
  txHash: log.txHash,
  logIndex: log.logIndex,
});

function tokenFact(log: ChainLog, scope: FactScope): Fact | null {
  const at = positionOf(log);
  const { eventName, args } = decodeEventLog({ abi: usdcEvents, topics: topicsOf(log), data: log.data });
  if (eventName === 'Transfer') {
    const { from, to, value: amount } = args;
    const ours = [from, to].some((address) => scope.isWallet(address) || scope.isPurse(address));
    return ours && amount > 0n ? { type: 'transfer', at, from, to, amount } : null;
  }
  const isPurse = scope.isPurse(args.authorizer);
  if (!isPurse && !(eventName === 'AuthorizationUsed' && scope.isPayer(args.authorizer))) return null;
  const type = eventName === 'AuthorizationUsed' ? 'authorization_used' : 'authorization_canceled';
  return { type, at, purse: args.authorizer, nonce: args.nonce };
}

function walletFact(log: ChainLog, wallet: Address, scope: FactScope): Fact | null {
  const at = positionOf(log);
  if (changeSelectors.some((selector) => selector === log.topics[0])) return readChange(log, at, wallet);
  const event = decodeEventLog({ abi: agentWalletAbi, topics: topicsOf(log), data: log.data });
  if (event.eventName === 'PaymentExecuted') {
    const { paymentId: chainKey, payee, policyDigest, amount, decisionHash } = event.args;
    return { type: 'executed', at, wallet, chainKey, payee, policyDigest, amount, decisionHash };
  }
  if (event.eventName === 'Withdrawn') {
    const { token, to, amount } = event.args;
    return token === scope.token && amount > 0n ? { type: 'withdrawn', at, wallet, to, amount } : null;
  }
  if (event.eventName === 'Frozen') return { type: 'frozen', at, wallet, caller: event.args.caller };
  if (event.eventName === 'Unfrozen') return { type: 'unfrozen', at, wallet, caller: event.args.caller };
  return null;
}
