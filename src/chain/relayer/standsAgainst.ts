import { type Address, BaseError, erc20Abi, type Hex, parseAbi } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { AHEAD_MAX, nonceAt } from '../../decide/payments/nonces.ts';
import type { ApprovedTransfer } from '../contracts/approvedTransfer.ts';
import { agentWalletAbi, policyRegistryAbi } from '../contracts/contracts.generated.ts';
import type { Chain, ChainClient } from '../node/chain.ts';

/** Circle's FiatToken. Another token may have neither view; then neither can refuse a payment. */
const tokenAbi = parseAbi([
  'function paused() view returns (bool)',
  'function isBlacklisted(address) view returns (bool)',
]);

/** A temporary obstacle that does not concern the payment itself: it waits, and its hold stays. */
export type Passing = 'token_paused' | 'wallet_blacklisted' | 'executor_replaced';
export type Standing =
  /** Nothing in the chain's state refuses it. */
  | { kind: 'clear' }
  | { kind: 'passing'; cause: Passing }
  /** Used, passed by the window, or of an earlier epoch: it can never pay again. */
  | { kind: 'nonce_used' }
  /** Of a later epoch, or further ahead than the wallet accepts. */
  | { kind: 'nonce_ahead' }
  /** `reason` as the contract would report it, with its values. */
  | { kind: 'refused'; reason: string }
  /** The node contradicts itself or known facts, so its answer is ignored for now. */
  | { kind: 'unbelievable'; reason: string };

/** Facts that are known before the node is asked. */
export type Known = {
  /** The newest block in the books; the answer of a node that lacks it is ignored. */
  block: { number: bigint; hash: Hex } | null;
  /** The wallet's balance in the books after that block, in micro-USDC. */
  balance: bigint;
  executor: Address;
};

/** The obstacles to every payment of the wallet; read once for a whole batch. */
export async function passingCause(chain: Chain, wallet: Address): Promise<Passing | null> {
  return chain.run(async (client) => {
    const [paused, blacklisted] = await Promise.all([
      isPaused(client, chain.token),
      isBlacklisted(client, chain.token, wallet),
    ]);
    return paused ? 'token_paused' : blacklisted ? 'wallet_blacklisted' : null;
  });
}

/**
 * Reads from the chain's state, not from a simulation, whether the wallet would refuse this payment within the ceilings: a node
 * that invents a revert must then invent a state too. Approvals are checked elsewhere. Throws `chain_unavailable`.
 */
export async function standsAgainst(chain: Chain, transfer: ApprovedTransfer, known: Known): Promise<Standing> {
  try {
    const cause = await passingCause(chain, transfer.wallet);
    if (cause) return { kind: 'passing', cause };
    return await chain.run((client) => look(client, chain, transfer, known));
  } catch (error) {
    if (error instanceof BursarError) throw error;
    // A deployed contract answers its views: a revert or an empty answer comes from the node, not from the chain.
    if (!(error instanceof BaseError)) throw error;
    return { kind: 'unbelievable', reason: 'The node does not answer for the wallet contract.' };
  }
}

async function look(
  client: ChainClient,
  chain: Chain,
  { wallet, chainKey, payee, amount, nonce, policyDigest, requiresChainApproval }: ApprovedTransfer,
  { block, balance: booked, executor }: Known,
): Promise<Standing> {
  const { number: blockNumber, timestamp } = await client.getBlock();
  const unbelievable = (reason: string): Standing => ({ kind: 'unbelievable', reason });
  if (
    block &&
    (blockNumber < block.number || (await client.getBlock({ blockNumber: block.number })).hash !== block.hash)
  )
    return unbelievable('The node is behind the books, or on another branch.');
  const code = await client.getCode({ address: wallet, blockNumber });
  if (code === undefined) return unbelievable('The node knows no code where the wallet stands.');
  const at = { address: wallet, abi: agentWalletAbi, blockNumber } as const;
  const [sender, frozen, validUntil, listOn, allowed, perPayment, remaining, used, registry, window, revoked] =
    await Promise.all([
      client.readContract({ ...at, functionName: 'executor' }),
      client.readContract({ ...at, functionName: 'frozen' }),
      client.readContract({ ...at, functionName: 'validUntil' }),
      client.readContract({ ...at, functionName: 'allowListOn' }),
      client.readContract({ ...at, functionName: 'isAllowed', args: [payee] }),
      client.readContract({ ...at, functionName: 'perPayment' }),
      client.readContract({ ...at, functionName: 'remainingInPeriod' }),
      client.readContract({ ...at, functionName: 'isNonceUsed', args: [nonce ?? 0n] }),
      client.readContract({ ...at, functionName: 'registry' }),
      client.readContract({ ...at, functionName: 'nonceWindow' }),
      client.readContract({ ...at, functionName: 'isApprovalRevoked', args: [chainKey] }),
    ]);
  const refused = (reason: string): Standing => ({ kind: 'refused', reason });
  if (used) return { kind: 'nonce_used' };
  const [epoch, next] = window;
  if ((nonce ?? 0n) > nonceAt(epoch, next) + AHEAD_MAX) return { kind: 'nonce_ahead' };
  if (frozen) return refused('WalletFrozen');
  if (timestamp >= BigInt(validUntil)) return refused(`WalletExpired (time ${timestamp}, validUntil ${validUntil})`);
  if (sender !== executor) return { kind: 'passing', cause: 'executor_replaced' };
  if (BigInt(registry) !== 0n) {
    const question = { address: registry, abi: policyRegistryAbi, functionName: 'isActive', blockNumber } as const;
    if (!(await client.readContract({ ...question, args: [policyDigest] })))
      return refused(`PolicyNotActive (digest ${policyDigest}, registry ${registry})`);
  }
  if (requiresChainApproval && revoked) return refused(`PaymentApprovalRevoked (paymentId ${chainKey})`);
  if (!requiresChainApproval) {
    if (listOn && !allowed) return refused(`PayeeNotAllowed (payee ${payee})`);
    if (amount > perPayment) return refused(`PerPaymentCeilingExceeded (amount ${amount}, ceiling ${perPayment})`);
    if (amount > remaining) return refused(`PeriodCeilingExceeded (amount ${amount}, left ${remaining})`);
  }
  if (await isBlacklisted(client, chain.token, payee)) return refused('Blacklistable: account is blacklisted');
  const balance = await client.readContract({
    ...{ address: chain.token, abi: erc20Abi, functionName: 'balanceOf', args: [wallet], blockNumber },
  });
  // Less than in the books: the node is wrong, or the books have not seen an outflow yet.
  if (balance < amount && balance < booked)
    return unbelievable(`The node shows ${balance} where the books have ${booked}.`);
  if (balance < amount) return refused(`ERC20: transfer amount exceeds balance (amount ${amount}, balance ${balance})`);
  return { kind: 'clear' };
}

async function isPaused(client: ChainClient, address: Address): Promise<boolean> {
  return orFalse(client.readContract({ address, abi: tokenAbi, functionName: 'paused' }));
}

async function isBlacklisted(client: ChainClient, address: Address, account: Address): Promise<boolean> {
  return orFalse(client.readContract({ address, abi: tokenAbi, functionName: 'isBlacklisted', args: [account] }));
}

async function orFalse(answer: Promise<boolean>): Promise<boolean> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof BaseError && /returned no data|revert/i.test(error.message)) return false;
    throw error;
  }
}
