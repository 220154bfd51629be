import { type Hex, hashMessage, isHex, recoverAddress } from 'viem';
import { parseSiweMessage, validateSiweMessage } from 'viem/siwe';
import { verifyDigest } from '../../chain/contracts/approval.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type Approver, findApproverByAddress } from '../../decide/identity/approvers.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import { NONCE_MS, type Nonces } from './nonces.ts';

const CLOCK_SKEW_MS = 60 * 60_000 + NONCE_MS;

export type SiweCheck = { store: Store; chain: Chain; chainId: number; nonces: Nonces };
export type SiweInput = {
  message: string;
  signature: string;
  /** The address of the person's browser. */
  origin: string;
  /** After too many failures from one address, only checks without a request to the chain, so no contract wallets. */
  isCheapOnly?: boolean;
};

/**
 * EIP-4361: checks the message against this server (domain, URI, chain, nonce, times) and the signature against an active
 * approver's address (ERC-1271 too), then uses the nonce. Throws `sign_in_refused`, `chain_unavailable`, `too_many_requests`.
 */
export async function checkSiwe(here: SiweCheck, input: SiweInput, nowMs: number): Promise<Approver> {
  const { store, chain, chainId, nonces } = here;
  const { message, signature, origin } = input;
  const fields = parseSiweMessage(message);
  const isFresh = fields.nonce !== undefined && (await nonces.isFresh(fields.nonce));
  const problem = problemOf(fields, { origin, chainId, nowMs, isFresh });
  if (problem !== null) throw refused(problem);
  const { address, nonce } = fields;
  if (address === undefined || nonce === undefined || !isHex(signature)) throw refused('It is not complete.');
  const approver = await store.read((tx) => activeApprover(tx, address));
  const digest = hashMessage(message);
  if (input.isCheapOnly && !(await isBy(approver, digest, signature))) throw new BursarError('too_many_requests');
  const check = await verifyDigest(chain, approver.address, { digest, signature });
  if (!check.valid) throw refused("The signature is not this address's over this message.");
  if (!(await nonces.take(nonce))) throw refused('The nonce is used or stale.');
  return approver;
}

/** Throws `sign_in_refused`. */
export async function activeApprover(tx: ReadTx, address: string): Promise<Approver> {
  const approver = await findApproverByAddress(tx, address);
  if (approver?.status !== 'active') throw refused('The address is not that of an active approver.');
  return approver;
}

type SiweFields = ReturnType<typeof parseSiweMessage>;

/** Returns why the message is not for this server, or null. */
function problemOf(
  fields: SiweFields,
  here: { origin: string; chainId: number; nowMs: number; isFresh: boolean },
): string | null {
  const { host } = new URL(here.origin);
  if (fields.domain !== host) return `It is for another domain than ${host}.`;
  if (fields.uri === undefined || !URL.canParse(fields.uri) || new URL(fields.uri).origin !== here.origin) {
    return `It is for another URI than ${here.origin}.`;
  }
  if (fields.chainId !== here.chainId) return `It is for another chain than ${here.chainId}.`;
  if (fields.version !== '1') return 'It is not version 1.';
  if (!here.isFresh) return 'The nonce is unknown, used or stale.';
  const issued = fields.issuedAt?.getTime() ?? Number.NaN;
  // The nonce has the server's own time; this only catches messages with an implausible time.
  if (Number.isNaN(issued) || Math.abs(here.nowMs - issued) > CLOCK_SKEW_MS) return 'Its time is not now.';
  if (!validateSiweMessage({ message: fields, time: new Date(here.nowMs) })) return 'It is expired or not valid yet.';
  return null;
}

const isBy = async ({ address }: Approver, hash: Hex, signature: Hex): Promise<boolean> =>
  (await recoverAddress({ hash, signature }).catch(() => null)) === address;

const refused = (message: string): BursarError => new BursarError('sign_in_refused', { message });
