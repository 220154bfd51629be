import { isAddress, isAddressEqual, zeroAddress } from 'viem';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { Requirement } from './paymentRequired.ts';

/** The reason why an offer cannot be paid: a stable code and a sentence. */
export type Refusal = { code: RefusalCode; reason: string };
export type RefusalCode =
  | 'malformed'
  | 'scheme_unbounded'
  | 'scheme_unknown'
  | 'transfer_method_unbounded'
  | 'transfer_method_unknown'
  | 'other_network'
  | 'other_asset'
  | 'other_token_domain'
  | 'bad_pay_to'
  | 'bad_amount'
  | 'above_max_amount';

/**
 * Schemes that the purse contract cannot bound are not signed. It accepts only EIP-3009 transfers of its own balance: no allowance,
 * so nothing can draw twice; no channel, so no deposit is in a third contract.
 */
const unbounded: Readonly<Record<string, string>> = {
  upto: 'upto settles by Permit2, which needs a standing approval of the purse to Permit2, and a permit that settled for nothing stays live up to its full amount. The purse gives no approvals.',
  'batch-settlement':
    "batch-settlement deposits into an escrow contract and spends by vouchers that the wallet's ceilings never see.",
  'auth-capture':
    'auth-capture hands the money to an escrow operator before the resource runs; the purse cannot bound the capture.',
};
const unboundedMethods: Readonly<Record<string, string>> = {
  permit2:
    'exact by Permit2 needs a standing approval of the purse to Permit2. The purse gives no approvals: ask the seller for eip3009.',
  erc7710: 'exact by ERC-7710 delegates the account; the purse delegates nothing.',
};

/** The first reason against an offer, or null. `domain`: the token's EIP-712 name and version as read on chain. */
export function refusalOf(
  requirement: Requirement,
  chain: ChainFacts,
  domain: { name: string; version: string },
): Refusal | null {
  const { scheme, network, asset, payTo, amount } = requirement;
  const extra = requirement.extra ?? {};
  const refused = (code: RefusalCode, reason: string): Refusal => ({ code, reason });
  if (scheme !== 'exact') {
    const known = Object.hasOwn(unbounded, scheme) ? unbounded[scheme] : undefined;
    return known ? refused('scheme_unbounded', known) : refused('scheme_unknown', 'This scheme is not known here.');
  }
  if (network !== chain.network) return refused('other_network', `This Bursar pays on ${chain.network}.`);
  if (!isAddress(asset, { strict: false }) || !isAddressEqual(asset, chain.token)) {
    return refused('other_asset', 'The asset is not USDC on this network.');
  }
  const method = extra.assetTransferMethod;
  if (method !== undefined && method !== 'eip3009') {
    const known =
      typeof method === 'string' && Object.hasOwn(unboundedMethods, method) ? unboundedMethods[method] : null;
    return known
      ? refused('transfer_method_unbounded', known)
      : refused('transfer_method_unknown', 'This transfer method is not known here.');
  }
  // Circle's batched gateway, for example, names another verifying contract here: a signature would be for that one.
  if (extra.name !== domain.name || extra.version !== domain.version) {
    return refused(
      'other_token_domain',
      `The offer's token domain is not "${domain.name}" version "${domain.version}", which USDC has on this chain.`,
    );
  }
  if (
    !isAddress(payTo, { strict: false }) ||
    isAddressEqual(payTo, zeroAddress) ||
    isAddressEqual(payTo, chain.token)
  ) {
    return refused('bad_pay_to', 'payTo is not an address that can be paid.');
  }
  if (!/^[1-9][0-9]{0,15}$/.test(amount) || BigInt(amount) > BigInt(Number.MAX_SAFE_INTEGER)) {
    return refused('bad_amount', 'The amount is not a whole number of micro-USDC above zero and up to 2^53-1.');
  }
  return null;
}
