import { type Address, decodeFunctionData, type Hex, keccak256, stringToBytes } from 'viem';
import { type Call, ownerCalls } from '../../chain/contracts/agentWallet.ts';
import { agentWalletAbi, policyRegistryAbi, x402PurseAbi } from '../../chain/contracts/contracts.generated.ts';
import { activateOnlyCall, activatePolicyCall, retirePolicyCall } from '../../chain/contracts/policyRegistry.ts';
import { sweepTokenCall } from '../../chain/contracts/purse.ts';
import { NEVER } from '../../chain/contracts/validity.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { PaymentId } from '../../core/ids/ids.ts';
import { formatUsdc, type MicroUsdc } from '../../core/money/microUsdc.ts';
import { durationInWords } from '../../core/time/duration.ts';

export const ownerActions = [
  'set_ceilings',
  'cancel_raise',
  'set_executor',
  'set_guardian',
  'set_approvers',
  'set_allow_list',
  'allow',
  'disallow',
  'set_valid_until',
  'withdraw',
  'freeze',
  'unfreeze',
  'raise_epoch',
  'revoke_approval',
  'sweep_token',
  'transfer_ownership',
  'accept_ownership',
  'activate_policy',
  'activate_only_policy',
  'retire_policy',
  'transfer_registry',
  'accept_registry',
] as const;
export type OwnerActionName = (typeof ownerActions)[number];

/** Those that go to the organisation's one policy registry, not to a wallet. */
export const isOfRegistry = (action: OwnerActionName): boolean => /_policy$|_registry$/.test(action);

/** What the owner wants; each action says in `needs` which of the fields it takes. */
export type OwnerAction = {
  action: OwnerActionName;
  perPayment?: MicroUsdc | undefined;
  perPeriod?: MicroUsdc | undefined;
  address?: Address | undefined;
  addresses?: readonly Address[] | undefined;
  threshold?: number | undefined;
  on?: boolean | undefined;
  /** Epoch seconds; absent: no end. */
  untilS?: number | undefined;
  amount?: MicroUsdc | undefined;
  /** bytes32. */
  digest?: Hex | undefined;
  /** A payment's id. */
  payment?: PaymentId | undefined;
};
type Field = Exclude<keyof OwnerAction, 'action'>;

export const needs: Record<OwnerActionName, readonly Field[]> = {
  set_ceilings: ['perPayment', 'perPeriod'],
  cancel_raise: [],
  set_executor: ['address'],
  set_guardian: ['address'],
  set_approvers: ['addresses', 'threshold'],
  set_allow_list: ['on'],
  allow: ['addresses'],
  disallow: ['addresses'],
  set_valid_until: [],
  withdraw: ['address', 'amount'],
  freeze: [],
  unfreeze: [],
  raise_epoch: [],
  revoke_approval: ['payment'],
  sweep_token: ['address'],
  transfer_ownership: ['address'],
  accept_ownership: [],
  activate_policy: ['digest'],
  activate_only_policy: ['digest'],
  retire_policy: ['digest'],
  transfer_registry: ['address'],
  accept_registry: [],
};
const optional: Partial<Record<OwnerActionName, readonly Field[]>> = { set_valid_until: ['untilS'] };

/** The contracts that an action may go to. `purse`: needed for an action on it. */
export type Target = { wallet: Address; purse?: Address | null; token: Address; registry: Address | null };

/**
 * The call that an action is; a pure function, so that server and command line make the same one, and neither signs what the other
 * made up. Throws `invalid_request` for a missing or surplus field.
 */
export function callOf(target: Target, given: OwnerAction): Call {
  const { action } = given;
  const takes = [...needs[action], ...(optional[action] ?? [])];
  const surplus = (Object.keys(given) as (keyof OwnerAction)[]).filter(
    (field) => field !== 'action' && given[field] !== undefined && !takes.includes(field),
  );
  if (surplus.length > 0) throw invalid(`${action} takes no ${surplus.map(shown).join(', ')}.`);
  const { wallet } = target;
  switch (action) {
    case 'set_ceilings':
      return ownerCalls.setCeilings(wallet, must(given, 'perPayment'), must(given, 'perPeriod'));
    case 'cancel_raise':
      return ownerCalls.cancelRaise(wallet);
    case 'set_executor':
      return ownerCalls.setExecutor(wallet, must(given, 'address'));
    case 'set_guardian':
      return ownerCalls.setGuardian(wallet, must(given, 'address'));
    case 'set_approvers':
      return ownerCalls.setApprovers(wallet, must(given, 'addresses'), must(given, 'threshold'));
    case 'set_allow_list':
      return ownerCalls.setAllowListOn(wallet, must(given, 'on'));
    case 'allow':
      return ownerCalls.setAllowed(wallet, must(given, 'addresses'), true);
    case 'disallow':
      return ownerCalls.setAllowed(wallet, must(given, 'addresses'), false);
    case 'set_valid_until':
      return ownerCalls.setValidUntil(wallet, given.untilS ?? NEVER);
    case 'withdraw':
      return ownerCalls.withdraw(wallet, target.token, must(given, 'address'), must(given, 'amount'));
    case 'freeze':
      return ownerCalls.freeze(wallet);
    case 'unfreeze':
      return ownerCalls.unfreeze(wallet);
    case 'raise_epoch':
      return ownerCalls.raiseEpoch(wallet);
    case 'revoke_approval':
      return ownerCalls.revokeApproval(wallet, chainKeyOf(must(given, 'payment')));
    case 'sweep_token':
      return sweepTokenCall(purseOf(target), must(given, 'address'));
    case 'transfer_ownership':
      return ownerCalls.transferOwnership(wallet, must(given, 'address'));
    case 'accept_ownership':
      return ownerCalls.acceptOwnership(wallet);
    case 'activate_policy':
      return activatePolicyCall(registryOf(target), must(given, 'digest'));
    case 'activate_only_policy':
      return activateOnlyCall(registryOf(target), must(given, 'digest'));
    case 'retire_policy':
      return retirePolicyCall(registryOf(target), must(given, 'digest'));
    case 'transfer_registry':
      // Both contracts are Ownable2Step: the same two methods.
      return ownerCalls.transferOwnership(registryOf(target), must(given, 'address'));
    case 'accept_registry':
      return ownerCalls.acceptOwnership(registryOf(target));
    default:
      return action satisfies never;
  }
}

export type Method = {
  name: string;
  inputs: { internalType: string; name: string; type: string }[];
  /** As decimal, hex or JSON text. */
  values: Record<string, string>;
};

/** The method that a call is, by the contracts' ABI: what people can read before they sign. */
export function methodOf({ data }: Call): Method {
  const abi = [...agentWalletAbi, ...policyRegistryAbi, ...x402PurseAbi];
  const { functionName, args } = decodeFunctionData({ abi, data });
  const item = abi.find((each) => each.type === 'function' && each.name === functionName);
  const inputs = (item && 'inputs' in item ? item.inputs : []).map((input) => ({
    internalType: input.internalType,
    name: input.name,
    type: input.type,
  }));
  const given: readonly unknown[] = args ?? [];
  const values = Object.fromEntries(
    inputs.map(({ name }, index) => {
      const value = given[index];
      return [name, Array.isArray(value) ? JSON.stringify(value) : String(value)];
    }),
  );
  return { name: functionName, inputs, values };
}

export type CeilingChange = { name: 'per payment' | 'per period'; from: bigint; to: bigint; afterS: number };

/** What a change of ceilings does and when, in seconds from its block on: cuts at once, raises after the wallet's delay. */
export function ceilingChanges(
  now: { perPayment: bigint; perPeriod: bigint },
  wanted: { perPayment: bigint; perPeriod: bigint },
  raiseDelayS: number,
): CeilingChange[] {
  const one = (name: CeilingChange['name'], from: bigint, to: bigint): CeilingChange => ({
    name,
    from,
    to,
    afterS: to > from ? raiseDelayS : 0,
  });
  return [one('per payment', now.perPayment, wanted.perPayment), one('per period', now.perPeriod, wanted.perPeriod)];
}

/** The same in words. */
export function explainCeilings(...change: Parameters<typeof ceilingChanges>): string {
  const said = ceilingChanges(...change).map(({ name, from, to, afterS }) => {
    if (to === from) return `${name} stays ${formatUsdc(from)} USDC`;
    const moves = `${name} goes from ${formatUsdc(from)} to ${formatUsdc(to)} USDC`;
    return afterS === 0 ? `${moves} at once` : `${moves} after ${durationInWords(afterS)}`;
  });
  return `${said.join('; ')}.`.replace(/^p/, 'P');
}

/** As `paymentIdOnChain`, in JavaScript: the console runs this too, and its content policy forbids WebAssembly. */
const chainKeyOf = (payment: PaymentId): Hex => keccak256(stringToBytes(payment));

function purseOf({ purse }: Target): Address {
  if (!purse) throw invalid('The purse of the wallet is not known here: name the agent.');
  return purse;
}

function registryOf({ registry }: Target): Address {
  if (!registry) throw invalid('There is no policy registry on this chain.');
  return registry;
}

function must<F extends Field>(given: OwnerAction, field: F): NonNullable<OwnerAction[F]> {
  const value = given[field];
  if (value === undefined || value === null) throw invalid(`${given.action} needs ${shown(field)}.`);
  return value;
}

const shown = (field: string): string =>
  field.replace('untilS', 'until').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const invalid = (message: string): BursarError => new BursarError('invalid_request', { message });
