import { getAddress, isAddress } from 'viem';
import { needs, type OwnerAction, type OwnerActionName } from '../../../control/owner/action.ts';
import { idPattern, type PaymentId } from '../../../core/ids/ids.ts';
import { formatUsdc, parsePositiveUsdc } from '../../../core/money/microUsdc.ts';

/** What the form's fields hold, as typed. */
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

/** What an owner may do, as the form offers it: what it says, and which fields it asks for. */
export const acts: Record<OwnerActionName, Act> = {
  set_ceilings: {
    title: 'Set the ceilings',
    says: 'A cut is in force with the transaction. A raise waits for the delay of the wallet.',
    labels: { perPayment: 'Per payment, USDC', perPeriod: 'Per period, USDC' },
  },
  cancel_raise: { title: 'Drop the raise that waits', says: 'Owner or guardian.', labels: {} },
  freeze: {
    title: 'Freeze the wallet',
    says: 'Stops all payments and purse signatures at once. Owner or guardian; only the owner unfreezes.',
    labels: {},
  },
  unfreeze: {
    title: 'Unfreeze the wallet',
    says: 'Payments go on. The agent here stays as it is until an operator lets it go on.',
    labels: {},
  },
  raise_epoch: {
    title: 'Void what is signed',
    says: 'Begins a new epoch: purse authorizations and payments that are signed and not mined are void. Owner or guardian.',
    labels: {},
  },
  revoke_approval: {
    title: 'Revoke an approval',
    says: 'For good: the wallet takes no approval of that payment any more.',
    labels: { payment: 'Payment (id)' },
  },
  sweep_token: {
    title: 'Sweep a token from the purse',
    says: 'Moves all of that token to the wallet. Owner, guardian or executor.',
    labels: { address: 'Token' },
  },
  set_executor: {
    title: 'Change the executor',
    says: 'The key that pays within the ceilings. What the one before signed for the purse is void.',
    labels: { address: 'New executor' },
  },
  set_guardian: {
    title: 'Change the guardian',
    says: 'Who may freeze, beside the owner.',
    labels: { address: 'New guardian' },
  },
  set_approvers: {
    title: 'Change the approvers',
    says: 'Replaces all of them. What is above a ceiling needs so many of their signatures.',
    labels: { addresses: 'Approvers, one a line', threshold: 'How many must sign' },
  },
  set_allow_list: {
    title: 'Switch the allow-list',
    says: 'Switched on, payees outside it need the approvers.',
    labels: { on: 'Allow-list' },
  },
  allow: { title: 'Put payees on the allow-list', says: 'At once.', labels: { addresses: 'Payees, one a line' } },
  disallow: { title: 'Take payees off the allow-list', says: 'At once.', labels: { addresses: 'Payees, one a line' } },
  set_valid_until: {
    title: 'Set the end of validity',
    says: 'From then on the executor can no longer pay.',
    labels: { until: 'Until (your time; empty: no end)' },
  },
  withdraw: {
    title: 'Withdraw USDC',
    says: 'Takes money out at once, frozen or not; it counts in no ceiling.',
    labels: { address: 'To', amount: 'Amount, USDC' },
  },
  transfer_ownership: {
    title: 'Hand the wallet over',
    says: 'First of two steps: the next owner must accept.',
    labels: { address: 'Next owner' },
  },
  accept_ownership: { title: 'Accept the wallet', says: 'Second step, by the next owner.', labels: {} },
  activate_policy: {
    title: 'Activate a policy in the registry',
    says: 'For all wallets. The one before stays good for the grace period.',
    labels: { digest: 'Policy' },
  },
  activate_only_policy: {
    title: 'Activate a policy and end all others',
    says: 'For all wallets, at once, without grace: what was decided under another policy and is not mined reverts.',
    labels: { digest: 'Policy' },
  },
  retire_policy: {
    title: 'Retire a policy in the registry',
    says: 'For all wallets, at once, without grace: what was decided under it and is not mined reverts.',
    labels: { digest: 'Policy' },
  },
  transfer_registry: {
    title: 'Hand the policy registry over',
    says: 'First of two steps: the next owner must accept.',
    labels: { address: 'Next owner' },
  },
  accept_registry: { title: 'Accept the policy registry', says: 'Second step, by the next owner.', labels: {} },
};

/** The action that the fields mean. Throws a sentence for what cannot be read. */
export function requestedOf(action: OwnerActionName, typed: Typed): OwnerAction {
  const fields = Object.keys(acts[action].labels) as FieldName[];
  const requested: OwnerAction = { action };
  for (const field of fields) {
    const label = acts[action].labels[field] ?? field;
    const text = typed[field].trim();
    if (text === '' && needs[action].some((needed) => needed === field) && field !== 'addresses') {
      throw new Error(`${label}: it is empty.`);
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

/** The same as the API takes it. */
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
  if (new Set(found).size !== found.length) throw new Error('An address stands there twice.');
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
