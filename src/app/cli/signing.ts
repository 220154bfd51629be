import { type Address, getAddress, type Hex, isAddressEqual, keccak256, type TypedDataDefinition, toHex } from 'viem';
import { approvalTypedData } from '../../chain/contracts/approval.ts';
import { BursarError } from '../../core/errors/base.ts';
import { parsePositiveUsdc } from '../../core/money/microUsdc.ts';
import type { MandateTerms } from '../../decide/mandates/mandate.ts';
import { mandateTypedData } from '../../decide/mandates/typedData.ts';
import type { Document } from './operationCommand.ts';
import { at } from './values.ts';

export type Verdict = 'approve' | 'reject';
/**
 * Facts that the person trusts more than the server's answer: the wallet of the paying agent, and the USDC of the own
 * configuration.
 */
export type Known = { wallet: string; token: string | null };

/**
 * Builds the data to sign for a payment here, from the facts shown to the person, never from the server. If the server's typed data
 * differ in one field, nothing is signed: throws `signing_refused` with the fields.
 */
export function typedDataFor(verdict: Verdict, payment: Document, offered: unknown, known: Known): TypedDataDefinition {
  const token = known.token ?? String(at(offered, 'message.token'));
  const expected = approvalTypedData(verdict, {
    chainId: Number(/^eip155:([0-9]+)$/.exec(String(payment.network))?.[1]),
    wallet: address(known.wallet, 'wallet'),
    token: address(token, 'token'),
    chainKey: keccak256(toHex(String(payment.id))),
    payee: address(payment.address, 'payee'),
    amount: parsePositiveUsdc(String(at(payment, 'amount.value'))),
    policyDigest: digest(payment.policy_digest),
    decisionHash: String(payment.decision_hash) as Hex,
    // The wallet's own version of its approvers: a signature with another one is void.
    approversVersion: version(at(offered, 'message.approversVersion')),
    expiresAtS: Math.floor(Date.parse(String(at(payment, 'review.expires_at'))) / 1000),
  });
  return onlyIfSame(expected, offered);
}

/**
 * Builds the terms of a mandate here too, as shown to the person. `ours` is the server's chain: a mandate stays off chain, so its
 * domain has no contract.
 */
export function mandateDataFor(mandate: Document, offered: unknown, ours: number): TypedDataDefinition {
  const ms = (field: string): number => Date.parse(String(mandate[field]));
  const expected = mandateTypedData(
    String(mandate.id),
    {
      agent: String(mandate.agent) as MandateTerms['agent'],
      payees: mandate.payees as MandateTerms['payees'],
      categories: mandate.categories as string[],
      hosts: mandate.hosts as string[],
      perPayment: parsePositiveUsdc(String(at(mandate, 'per_payment.value'))),
      total: parsePositiveUsdc(String(at(mandate, 'total.value'))),
      count: mandate.count as number | null,
      cadence: mandate.cadence as MandateTerms['cadence'],
      notBeforeMs: ms('not_before'),
      expiresAtMs: ms('expires_at'),
    },
    ours,
  );
  return onlyIfSame(expected, offered);
}

function onlyIfSame(expected: TypedDataDefinition, offered: unknown): TypedDataDefinition {
  const differing = differences(expected, offered);
  if (differing.length === 0) return expected;
  throw new BursarError('signing_refused', {
    message: `What the server asks to sign differs from what it shows: ${differing.map(({ field }) => field).join(', ')}.`,
    details: { differing },
  });
}

function digest(value: unknown): Hex {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(String(value))?.[1];
  if (!hex) throw new BursarError('signing_refused', { message: 'The policy digest is none.', details: { value } });
  return `0x${hex}`;
}

function version(value: unknown): bigint {
  const text = String(value);
  if (/^[1-9][0-9]{0,18}$/.test(text)) return BigInt(text);
  throw new BursarError('signing_refused', {
    message: 'The version of the approvers is no number.',
    details: { value },
  });
}

function address(value: unknown, field: string): Address {
  try {
    return getAddress(String(value));
  } catch {
    throw new BursarError('signing_refused', { message: `The ${field} is not an address.`, details: { field, value } });
  }
}

type Difference = { field: string; shown: string; offered: string };

/** Compares field by field, in both directions. Numbers as decimal text, addresses regardless of case. */
function differences(expected: TypedDataDefinition, offered: unknown): Difference[] {
  const [ours, theirs] = [flat(expected), flat(offered)];
  const fields = new Set([...ours.keys(), ...theirs.keys()].filter((field) => !field.startsWith('types.EIP712Domain')));
  return [...fields]
    .filter((field) => !same(ours.get(field), theirs.get(field)))
    .map((field) => ({ field, shown: ours.get(field) ?? '(nothing)', offered: theirs.get(field) ?? '(nothing)' }));
}

function same(ours: string | undefined, theirs: string | undefined): boolean {
  if (ours === theirs) return true;
  const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
  return ours !== undefined && theirs !== undefined && ADDRESS.test(ours) && ADDRESS.test(theirs)
    ? isAddressEqual(ours as Address, theirs as Address)
    : false;
}

function flat(value: unknown, path = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null) return new Map([[path, String(value)]]);
  if (Array.isArray(value) && value.length === 0) return new Map([[path, '[]']]);
  return new Map(
    Object.entries(value).flatMap(([name, part]) => [...flat(part, path === '' ? name : `${path}.${name}`)]),
  );
}
