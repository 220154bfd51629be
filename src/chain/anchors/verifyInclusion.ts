import { type Address, getAddress, type Hex, isAddressEqual, type PublicClient, parseEventLogs } from 'viem';
import { originOf } from '../../books/transparency/heads.ts';
import { HASH_BYTES, leafHash, rootOfInclusion } from '../../books/transparency/merkle.ts';
import {
  type Checkpoint,
  fromBase64,
  NoteError,
  openCheckpoint,
  parseVerifierKey,
} from '../../books/transparency/note.ts';
import { InclusionDocument, parseTlogProof } from '../../books/transparency/proof.ts';
import { policyRegistryAbi } from '../contracts/contracts.generated.ts';

export type InclusionFinding = { check: string; ok: boolean; detail: string };
/** An event that the proof shows to be in the log: its position (from 1) and its body as hashed. */
export type ProvenEvent = { seq: number; body: Record<string, unknown> };
export type InclusionVerdict = {
  ok: boolean;
  findings: InclusionFinding[];
  /** The proven events; empty if anything failed. */
  events: ProvenEvent[];
  /** Where the covering head is anchored on chain; null if it is only signed, or nothing was proven. */
  anchored: { size: number; block: bigint; timeS: number; by: Address } | null;
};
export type InclusionQuestion = {
  /** A node of the chain; null: only the signature is checked, and no anchor counts. */
  client: Pick<PublicClient, 'getChainId' | 'getTransactionReceipt' | 'getBlock' | 'readContract'> | null;
  /**
   * The organisation's registry from a source other than the proof: the wallet's own `registry()`, or a person. Null: not known.
   */
  registry: Address | null;
  /** The log's verifier key, if it is known from another source. Without it only the anchor shows whose log it is. */
  verifierKey?: string;
};

/**
 * Checks that events are in the organisation's log, under a head that is anchored. Trusts no server: the event's bytes lead to the
 * head's root, the log's key signed the head, and the known registry has its size and root. Throws only if the RPC cannot be
 * reached.
 */
export async function verifyInclusion(input: unknown, question: InclusionQuestion): Promise<InclusionVerdict> {
  const parsed = InclusionDocument.safeParse(input);
  if (!parsed.success) {
    const detail = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    return refused([finding('form', false, detail)]);
  }
  const document = parsed.data;
  const findings: InclusionFinding[] = [];
  const head = headOf(document, question, findings);
  if (head === null) return refused(findings);
  const events = document.entries.map((entry, index) => eventOf(entry, head, index, findings));
  const anchored = await anchorOf(document, head, question, findings);
  const ok = findings.every((each) => each.ok);
  return ok ? { ok, findings, events: events.filter((event) => event !== null), anchored } : refused(findings);
}

const finding = (check: string, ok: boolean, detail: string): InclusionFinding => ({ check, ok, detail });
const refused = (findings: InclusionFinding[]): InclusionVerdict => ({
  ok: false,
  findings,
  events: [],
  anchored: null,
});

function headOf(
  { log, checkpoint }: InclusionDocument,
  { verifierKey, registry }: InclusionQuestion,
  findings: InclusionFinding[],
): Checkpoint | null {
  try {
    const key = parseVerifierKey(log.verifier_key);
    const isKnown = verifierKey === undefined || verifierKey === log.verifier_key;
    findings.push(
      finding(
        'log key',
        isKnown,
        isKnown
          ? `signed by ${log.verifier_key}`
          : `the log is known by the key ${verifierKey}, and the proof names ${log.verifier_key}`,
      ),
    );
    const head = openCheckpoint(checkpoint, key);
    findings.push(finding('checkpoint', true, `the log ${head.origin} had ${head.size} events`));
    const named = log.registry === null ? null : originOf(log.chain_id, getAddress(log.registry));
    const isOrigin = head.origin === log.origin && (named === null || head.origin === named);
    findings.push(finding('origin', isOrigin, `the log calls itself ${head.origin}`));
    if (registry !== null) {
      const isOurs = log.registry !== null && isAddressEqual(log.registry as Address, registry);
      findings.push(
        finding(
          'organisation',
          isOurs,
          isOurs
            ? `the log of the organisation with the registry ${registry}`
            : `the log belongs to the registry ${log.registry ?? 'none'}, the organisation has ${registry}`,
        ),
      );
    }
    return head;
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    findings.push(finding('checkpoint', false, error.message));
    return null;
  }
}

function eventOf(
  entry: InclusionDocument['entries'][number],
  head: Checkpoint,
  at: number,
  findings: InclusionFinding[],
): ProvenEvent | null {
  const name = `event ${at + 1}`;
  const failed = (detail: string): null => {
    findings.push(finding(name, false, detail));
    return null;
  };
  const proof = parseTlogProof(entry.proof);
  if (proof === null) return failed('its proof is no tlog-proof');
  if (proof.checkpoint !== head.note) return failed('its proof is under another head');
  const hashes = proof.hashes.map((text) => fromBase64(text));
  if (!hashes.every((hash) => hash?.length === HASH_BYTES)) return failed('a hash of its proof is not 32 bytes');
  const root = rootOfInclusion(leafHash(entry.event), proof.index, head.size, hashes as Buffer[]);
  if (root === null || !root.equals(head.root)) return failed(`it is not event ${proof.index + 1} of this log`);
  let body: unknown;
  try {
    body = JSON.parse(entry.event);
  } catch {
    return failed('it is no event');
  }
  if (typeof body !== 'object' || body === null || (body as { seq?: unknown }).seq !== proof.index + 1) {
    return failed(`its own number is not ${proof.index + 1}`);
  }
  findings.push(
    finding(name, true, `event ${proof.index + 1} of the log: ${String((body as { type?: unknown }).type)}`),
  );
  return { seq: proof.index + 1, body: body as Record<string, unknown> };
}

async function anchorOf(
  { log, anchor }: InclusionDocument,
  head: Checkpoint,
  { client, registry }: InclusionQuestion,
  findings: InclusionFinding[],
): Promise<InclusionVerdict['anchored']> {
  const name = 'anchor';
  const failed = (detail: string): null => {
    findings.push(finding(name, false, detail));
    return null;
  };
  if (anchor === null || client === null) {
    const why = anchor === null ? 'the head is signed, and not on the chain yet' : 'NOT checked: no node was asked';
    findings.push(finding(name, true, `${why}: the log's key alone speaks for it`));
    return null;
  }
  const trusted = registry ?? (log.registry as Address | null);
  if (trusted === null) return failed('the log names no registry');
  const chainId = await client.getChainId();
  if (chainId !== log.chain_id) return failed(`the RPC serves chain ${chainId}, the proof is for ${log.chain_id}`);
  const mined = await client.getTransactionReceipt({ hash: anchor.tx_hash as Hex }).catch((error: Error) => {
    if (error.name === 'TransactionReceiptNotFoundError') return null;
    throw error;
  });
  if (mined?.status !== 'success') return failed(`${anchor.tx_hash} is not on the chain`);
  const found = parseEventLogs({ abi: policyRegistryAbi, eventName: 'Anchored', logs: mined.logs }).find(
    ({ address, args }) =>
      isAddressEqual(address, trusted) &&
      args.size === BigInt(head.size) &&
      args.root === `0x${head.root.toString('hex')}`,
  );
  if (!found) return failed(`${anchor.tx_hash} anchors no head of ${head.size} events with this root in ${trusted}`);
  const { by } = found.args;
  // The registry's state must have an anchor at least as large by that account: a node that invented the log would have to lie
  // twice.
  const latest = await client
    .readContract({ address: trusted, abi: policyRegistryAbi, functionName: 'latestAnchor', args: [by] })
    .then(([size]) => size)
    .catch((error: Error) => {
      if (/HttpRequestError|TimeoutError/.test(error.name)) throw error;
      return null;
    });
  if (latest === null) return failed(`${trusted} is no policy registry`);
  if (latest < BigInt(head.size)) {
    const stated = `the registry's state knows ${latest} events anchored by ${by}, not ${head.size}`;
    return failed(`${stated}: the RPC contradicts itself`);
  }
  const { timestamp } = await client.getBlock({ blockNumber: mined.blockNumber });
  const whose = registry === null ? ', a registry that only the proof names' : '';
  const detail = `anchored by ${by} in block ${mined.blockNumber} (time ${timestamp}) in ${trusted}${whose}`;
  findings.push(finding(name, true, detail));
  return { size: head.size, block: mined.blockNumber, timeS: Number(timestamp), by };
}
