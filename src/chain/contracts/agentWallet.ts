import { type Address, encodeFunctionData, type Hex } from 'viem';
import { invariant } from '../../core/errors/base.ts';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import type { ApprovedTransfer } from './approvedTransfer.ts';
import { agentWalletAbi, agentWalletFactoryAbi } from './contracts.generated.ts';
import type { WalletConfig } from './walletConfig.ts';

/** A call to a contract, for `enqueueTransaction`. */
export type Call = { to: Address; data: Hex };
/** One approver's signature of a `PaymentApproval`. */
export type Approval = { approver: Address; signature: Hex };

export const BATCH_MAX = 200;

/**
 * Deploys the wallet and its purse; does nothing if they exist. Called by the factory's owner or a deployer, or by anyone if its
 * salt is announced.
 */
export function createWalletCall(factory: Address, config: WalletConfig): Call {
  return {
    to: factory,
    data: encodeFunctionData({ abi: agentWalletFactoryAbi, functionName: 'createWallet', args: [config] }),
  };
}

/** Permits or forbids an account to make wallets of the factory. Only the factory's owner. */
export function setDeployerCall(factory: Address, deployer: Address, allowed: boolean): Call {
  const args = [deployer, allowed] as const;
  return { to: factory, data: encodeFunctionData({ abi: agentWalletFactoryAbi, functionName: 'setDeployer', args }) };
}

/**
 * Permits anyone to make the wallet with that salt (`saltOf`), as a facilitator does by ERC-6492. Only the factory's owner or a
 * deployer.
 */
export function announceCall(factory: Address, salt: Hex): Call {
  return {
    to: factory,
    data: encodeFunctionData({ abi: agentWalletFactoryAbi, functionName: 'announce', args: [salt] }),
  };
}

/** One payment within the ceilings. Only the executor. */
export function payCall(transfer: ApprovedTransfer): Call {
  invariant(!transfer.requiresChainApproval, 'This payment needs approvals on chain.', { id: transfer.paymentId });
  const { chainKey, payee, amount, policyDigest, decisionHash } = transfer;
  const args = [chainKey, payee, amount, nonceOf(transfer), policyDigest, decisionHash] as const;
  return { to: transfer.wallet, data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'pay', args }) };
}

/** 1 to 200 payments of one wallet under one policy, all or none. Only the executor. */
export function payBatchCall(transfers: readonly ApprovedTransfer[]): Call {
  const [first] = transfers;
  invariant(first !== undefined && transfers.length <= BATCH_MAX, `A batch has 1 to ${BATCH_MAX} payments.`);
  const items = transfers.map((transfer) => {
    invariant(
      transfer.wallet === first.wallet &&
        transfer.chainId === first.chainId &&
        transfer.policyDigest === first.policyDigest &&
        !transfer.requiresChainApproval,
      'A batch is of one wallet and one policy, and within the ceilings.',
      { id: transfer.paymentId },
    );
    const { chainKey: paymentId, payee, amount, decisionHash } = transfer;
    return { paymentId, payee, amount, nonce: nonceOf(transfer), decisionHash };
  });
  const args = [first.policyDigest, items] as const;
  return { to: first.wallet, data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'payBatch', args }) };
}

/** One payment above the ceilings or to an unlisted payee, with its approvers' signatures in any order. Only the executor. */
export function payApprovedCall(transfer: ApprovedTransfer, expiresAtS: number, approvals: readonly Approval[]): Call {
  const { chainKey, payee, amount, policyDigest, decisionHash } = transfer;
  const args = [
    chainKey,
    payee,
    amount,
    nonceOf(transfer),
    policyDigest,
    decisionHash,
    BigInt(expiresAtS),
    sortApprovals(approvals),
  ] as const;
  return { to: transfer.wallet, data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'payApproved', args }) };
}

/** Sorts strictly ascending by address, as the contract requires, and drops a second signature of one approver. */
export function sortApprovals(approvals: readonly Approval[]): Approval[] {
  const byApprover = new Map(approvals.map((approval) => [BigInt(approval.approver), approval]));
  return [...byApprover].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, approval]) => approval);
}

/** The calls of the owner and the guardian to a wallet. Each function returns the call for the wallet at that address. */
export const ownerCalls = {
  /** Only guardian or owner. */
  freeze: (to: Address): Call => ({ to, data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'freeze' }) }),
  unfreeze: (to: Address): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'unfreeze' }),
  }),
  /** Reductions take effect at once, raises after the wallet's delay. */
  setCeilings: (to: Address, perPayment: MicroUsdc, perPeriod: MicroUsdc): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'setCeilings', args: [perPayment, perPeriod] }),
  }),
  /**
   * Voids purse authorizations and payments that the executor signed in this epoch and that are not on chain yet. Only guardian or
   * owner.
   */
  raiseEpoch: (to: Address): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'raiseEpoch' }),
  }),
  /** Revokes the approvals of one payment, named by its bytes32. */
  revokeApproval: (to: Address, chainKey: Hex): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'revokeApproval', args: [chainKey] }),
  }),
  /** Only guardian or owner. */
  cancelRaise: (to: Address): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'cancelRaise' }),
  }),
  setExecutor: (to: Address, executor: Address): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'setExecutor', args: [executor] }),
  }),
  setGuardian: (to: Address, guardian: Address): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'setGuardian', args: [guardian] }),
  }),
  setApprovers: (to: Address, approvers: readonly Address[], threshold: number): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'setApprovers', args: [approvers, threshold] }),
  }),
  setAllowListOn: (to: Address, on: boolean): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'setAllowListOn', args: [on] }),
  }),
  setAllowed: (to: Address, payees: readonly Address[], allowed: boolean): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'setAllowed', args: [payees, allowed] }),
  }),
  /** Epoch seconds; `NEVER` for no end. */
  setValidUntil: (to: Address, validUntilS: number): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'setValidUntil', args: [validUntilS] }),
  }),
  /** Withdraws any ERC-20; not limited by ceilings. */
  withdraw: (to: Address, token: Address, recipient: Address, amount: bigint): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'withdraw', args: [token, recipient, amount] }),
  }),
  transferOwnership: (to: Address, next: Address): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'transferOwnership', args: [next] }),
  }),
  /** Called by the next owner. */
  acceptOwnership: (to: Address): Call => ({
    to,
    data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'acceptOwnership' }),
  }),
} as const;

function nonceOf(transfer: ApprovedTransfer): bigint {
  invariant(transfer.rail === 'wallet' && transfer.nonce !== null, 'This payment is not on the wallet rail.', {
    id: transfer.paymentId,
  });
  return transfer.nonce;
}
