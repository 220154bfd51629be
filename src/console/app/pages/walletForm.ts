import { getAddress, isAddress } from 'viem';
import { needs, type OwnerAction, type OwnerActionName } from '../../../control/owner/action.ts';
import { idPattern, type PaymentId } from '../../../core/ids/ids.ts';
import { formatUsdc, parsePositiveUsdc } from '../../../core/money/microUsdc.ts';

/** The typed values of the form's fields. */
export type Typed = {
  perPayment: string;
  perPeriod: string;
  address: string;
  addresses: string;
  threshold: string;
  on: string;
  until: string;
  amount: string;
  digest: string;
  payment: string;
};
export type FieldName = keyof Typed;

type Act = { title: string; says: string; labels: Partial<Record<FieldName, string>> };

/** The owner's actions as the form offers them: title, explanation and fields. */
export const acts: Record<OwnerActionName, Act> = {
  set_ceilings: {
    title: 'Set the ceilings',
    says: 'A cut is effective with the transaction. A raise is effective after the delay of the wallet.',
    labels: { perPayment: 'Per payment, USDC', perPeriod: 'Per period, USDC' },
  },
  cancel_raise: { title: 'Cancel the pending raise', says: 'By the owner or the guardian.', labels: {} },
  freeze: {
    title: 'Freeze the wallet',
    says: 'Stops all payments and purse signatures at once. By the owner or the guardian; only the owner can unfreeze.',
    labels: {},
  },
  unfreeze: {
    title: 'Unfreeze the wallet',
    says: 'Payments are possible again. The status of the agent does not change: an operator unfreezes it.',
    labels: {},
  },
  raise_epoch: {
    title: 'Void all open signatures',
    says: 'Starts a new epoch: purse authorizations and payments that are signed but not yet on chain become void. By the owner or the guardian.',
    labels: {},
  },
  revoke_approval: {
    title: 'Revoke an approval',
    says: 'Permanent: the wallet accepts no approval of that payment any more.',
    labels: { payment: 'Payment (id)' },
  },
  sweep_token: {
    title: 'Sweep a token from the purse',
    says: 'Moves the whole balance of that token to the wallet. By the owner, the guardian or the executor.',
    labels: { address: 'Token' },
  },
  set_executor: {
    title: 'Change the executor',
    says: 'The key that pays within the ceilings. Purse authorizations signed by the previous executor become void.',
    labels: { address: 'New executor' },
  },
  set_guardian: {
    title: 'Change the guardian',
    says: 'The guardian can freeze the wallet, like the owner.',
    labels: { address: 'New guardian' },
  },
  set_approvers: {
    title: 'Change the approvers',
    says: 'Replaces the whole list. Payments above a ceiling need this number of their signatures.',
    labels: { addresses: 'Approvers, one per line', threshold: 'How many must sign' },
  },
  set_allow_list: {
    title: 'Switch the allow-list',
    says: 'When it is on, payees outside the list need the approvers.',
    labels: { on: 'Allow-list' },
  },
  allow: {
    title: 'Put payees on the allow-list',
    says: 'Effective at once.',
    labels: { addresses: 'Payees, one per line' },
  },
  disallow: {
    title: 'Take payees off the allow-list',
    says: 'Effective at once.',
    labels: { addresses: 'Payees, one per line' },
  },
  set_valid_until: {
    title: 'Set the end of validity',
    says: 'After this time the executor can no longer pay.',
    labels: { until: 'Until (your local time; empty: no expiry)' },
  },
  withdraw: {
    title: 'Withdraw USDC',
    says: 'Withdraws at once, even from a frozen wallet; ceilings do not apply.',
    labels: { address: 'To', amount: 'Amount, USDC' },
  },
  transfer_ownership: {
    title: 'Transfer the wallet',
    says: 'First of two steps: the next owner must accept.',
    labels: { address: 'Next owner' },
  },
  accept_ownership: { title: 'Accept the wallet', says: 'Second step, by the next owner.', labels: {} },
  activate_policy: {
    title: 'Activate a policy in the registry',
    says: 'For all wallets. The previous policy stays valid for the grace period.',
    labels: { digest: 'Policy' },
  },
  activate_only_policy: {
    title: 'Activate a policy and end all others',
    says: 'For all wallets, at once, without a grace period: payments decided under another policy and not yet on chain fail.',
    labels: { digest: 'Policy' },
  },
  retire_policy: {
    title: 'Retire a policy in the registry',
    says: 'For all wallets, at once, without a grace period: payments decided under it and not yet on chain fail.',
    labels: { digest: 'Policy' },
  },
  transfer_registry: {
    title: 'Transfer the policy registry',
    says: 'First of two steps: the next owner must accept.',
    labels: { address: 'Next owner' },
  },
  accept_registry: { title: 'Accept the policy registry', says: 'Second step, by the next owner.', labels: {} },
};

/** The action of the fields. Throws a sentence for a field that cannot be read. */
export function requestedOf(action: OwnerActionName, typed: Typed): OwnerAction {
  const fields = Object.keys(acts[action].labels) as FieldName[];
  const requested: OwnerAction = { action };
  for (const field of fields) {
    const label = acts[action].labels[field] ?? field;
    const text = typed[field].trim();
    if (text === '' && needs[action].some((needed) => needed === field) && field !== 'addresses') {
      throw new Error(`${label}: the field is empty.`);
    }
    if (field === 'perPayment' || field === 'perPeriod' || field === 'amount') requested[field] = usdcOf(label, text);
    else if (field === 'address') requested.address = addressOf(text);
    else if (field === 'addresses') requested.addresses = listOf(text);
    else if (field === 'threshold') requested.threshold = numberOf(label, text);
    else if (field === 'on') requested.on = text === 'on';
    else if (field === 'digest') requested.digest = digestOf(text);
    else if (field === 'payment') requested.payment = paymentOf(text);
    else if (text !== '') requested.untilS = timeOf(label, text);
  }
  return requested;
}

/** The same in the form of the API. */
export function inputOf(requested: OwnerAction): Record<string, unknown> {
  const money = (micro: bigint | undefined) =>
    micro === undefined ? undefined : { value: formatUsdc(micro), currency: 'USDC' };
  return {
    action: requested.action,
    per_payment: money(requested.perPayment),
    per_period: money(requested.perPeriod),
    amount: money(requested.amount),
    address: requested.address,
    addresses: requested.addresses,
    threshold: requested.threshold,
    on: requested.on,
    until: requested.untilS === undefined ? undefined : new Date(requested.untilS * 1000).toISOString(),
    digest: requested.digest === undefined ? undefined : `sha256:${requested.digest.slice(2)}`,
    payment: requested.payment,
  };
}

function usdcOf(label: string, text: string) {
  try {
    return parsePositiveUsdc(text);
  } catch {
    throw new Error(`${label}: “${text}” is not an amount like 12.50 with at most six decimals.`);
  }
}

function paymentOf(text: string) {
  if (!idPattern('payment').test(text)) throw new Error(`“${text}” is not the id of a payment.`);
  return text as PaymentId;
}

function addressOf(text: string) {
  if (!isAddress(text, { strict: text !== text.toLowerCase() })) {
    throw new Error(`“${text}” is not an address with a correct checksum.`);
  }
  return getAddress(text);
}

function listOf(text: string) {
  const found = text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map(addressOf);
  if (new Set(found).size !== found.length) throw new Error('The list contains an address twice.');
  return found;
}

function numberOf(label: string, text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new Error(`${label}: “${text}” is not a number.`);
  return Number(text);
}

function timeOf(label: string, text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new Error(`${label}: “${text}” is not a time.`);
  return Math.floor(ms / 1000);
}

function digestOf(text: string): `0x${string}` {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(text)?.[1];
  if (hex === undefined) throw new Error('Choose a policy.');
  return `0x${hex}`;
}
