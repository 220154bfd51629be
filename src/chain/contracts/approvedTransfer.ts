import type { Address, Hex } from 'viem';
import { invariant } from '../../core/errors/base.ts';
import { paymentIdOnChain } from '../../core/ids/paymentIdOnChain.ts';
import type { MicroUsdc } from '../../core/money/microUsdc.ts';
import { holdsMoney } from '../../core/payment/states.ts';
import type { Payment, Rail } from '../../decide/payments/payment.ts';
import type { WalletAddresses } from './walletConfig.ts';

declare const brand: unique symbol;

/**
 * The only input of encoders and signers of money: one payment that was decided and whose money is held. Only
 * `approvedTransferFromReservation` can make one.
 */
export type ApprovedTransfer = {
  readonly [brand]: 'ApprovedTransfer';
  readonly paymentId: Payment['id'];
  /** bytes32 on chain. */
  readonly chainKey: Hex;
  readonly chainId: number;
  readonly rail: Rail;
  readonly wallet: Address;
  readonly purse: Address;
  readonly payee: Address;
  readonly amount: MicroUsdc;
  /** The wallet's bitmap nonce; null for x402, whose nonce is derived from the three hashes. */
  readonly nonce: bigint | null;
  /** bytes32: the hex of `sha256:…`. */
  readonly policyDigest: Hex;
  readonly decisionHash: Hex;
  /** Sent by `payApproved`, with approvals. */
  readonly requiresChainApproval: boolean;
};

/**
 * Makes an `ApprovedTransfer` of a stored payment. Only for `src/decide/payments` and its callers, which the import check enforces.
 * Throws `invariant_violated` for a payment that holds no money, is still in review, or does not fit its wallet.
 */
export function approvedTransferFromReservation(payment: Payment, from: WalletAddresses): ApprovedTransfer {
  const { id, state, rail, address } = payment;
  invariant(holdsMoney[state] && state !== 'in_review', 'Only a payment that holds money may be signed.', {
    id,
    state,
  });
  invariant(payment.chainKey === paymentIdOnChain(id), 'The payment has another key on chain than its id gives.', {
    id,
  });
  invariant(
    (rail === 'wallet') === (payment.walletNonce !== null),
    'A wallet payment has a nonce, an x402 one has none.',
    { id },
  );
  invariant(/^0x[0-9a-f]{64}$/.test(payment.decisionHash), 'The decision hash is no bytes32.', { id });
  invariant(address !== from.wallet, 'A wallet does not pay itself.', { id });
  const transfer: Omit<ApprovedTransfer, typeof brand> = {
    paymentId: id,
    chainKey: payment.chainKey,
    chainId: payment.chainId,
    rail,
    wallet: from.wallet,
    purse: from.purse,
    payee: address,
    amount: payment.amount,
    nonce: payment.walletNonce,
    policyDigest: policyDigestOnChain(payment.policyDigest),
    decisionHash: payment.decisionHash,
    requiresChainApproval: payment.requiresChainApproval,
  };
  return Object.freeze(transfer) as ApprovedTransfer;
}

/** Converts `sha256:<64 hex>` to the bytes32 that the chain uses. */
export function policyDigestOnChain(digest: string): Hex {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  invariant(hex !== undefined, 'A policy digest is sha256: and 64 hex digits.', { digest });
  return `0x${hex}`;
}
