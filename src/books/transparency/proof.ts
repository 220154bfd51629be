import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { flatMapInOrder, mapInOrder } from '../../core/inOrder.ts';
import type { ReadTx } from '../../store/store.ts';
import type { StoredAnchor } from './anchorRows.ts';
import type { Head } from './heads.ts';
import { consistencyProof, inclusionProof } from './merkle.ts';
import { formatVerifierKey, type NoteKey } from './note.ts';
import { eventOfSeq, eventsOfPayment } from './queries.ts';
import { storedTree } from './tree.ts';

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const bytes32 = z.string().regex(/^0x[0-9a-f]{64}$/);
const ENTRIES_MAX = 1_000;

/**
 * That events are in the log under one signed head. Each `proof` is a C2SP tlog-proof, and each `event` the bytes it is about, so that
 * any reader of that format checks it. `anchor`: where on the chain the head stands; null where it is signed only.
 */
export const InclusionDocument = z.strictObject({
  format: z.literal('bursar-inclusion/1'),
  log: z.strictObject({
    origin: z.string().min(1).max(300),
    verifier_key: z.string().min(1).max(600),
    chain_id: z.int().positive(),
    registry: address.nullable(),
  }),
  checkpoint: z.string().min(1).max(65_536),
  anchor: z.strictObject({ tx_hash: bytes32, block_number: z.string().regex(/^[0-9]{1,20}$/), by: address }).nullable(),
  entries: z
    .array(z.strictObject({ event: z.string().min(1), proof: z.string().min(1) }))
    .min(1)
    .max(ENTRIES_MAX),
});
export type InclusionDocument = z.infer<typeof InclusionDocument>;

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';

/** C2SP tlog-proof: index, hashes and checkpoint in one text. */
export function formatTlogProof(index: number, hashes: readonly Buffer[], checkpoint: string): string {
  const lines = [FIRST_LINE, `index ${index}`, ...hashes.map((hash) => hash.toString('base64'))];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

export type TlogProof = { index: number; hashes: string[]; checkpoint: string };

/** Null where the text is no tlog-proof. Extra data is refused: we write none, and nothing authenticates it. */
export function parseTlogProof(text: string): TlogProof | null {
  const gap = text.indexOf('\n\n');
  const [first, indexLine = '', ...hashes] = text.slice(0, gap).split('\n');
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(indexLine)?.[1];
  if (gap < 0 || first !== FIRST_LINE || index === undefined || hashes.length > 64) return null;
  return { index: Number(index), hashes, checkpoint: text.slice(gap + 2) };
}

/** What the proof is to be about: events by their numbers, in order, or all events of a payment. */
export type Wanted = { event: number } | { events: readonly number[] } | { payment: string };

/**
 * Proves events under the smallest head that covers them all and, where one is there, that is on the chain. Throws `not_found` for an
 * event that is not there, `conflict` where no head covers them yet.
 */
export async function proveInclusion(
  tx: ReadTx,
  log: NoteKey & { chainId: number; registry: string | null },
  heads: { heads: readonly Head[]; anchors: readonly StoredAnchor[] },
  wanted: Wanted,
): Promise<InclusionDocument> {
  const events = await eventsOf(tx, wanted);
  const last = Number(events.at(-1)?.seq);
  const covering = heads.heads.filter(({ size }) => size >= last).sort((a, b) => a.size - b.size);
  const anchorOf = (size: number): StoredAnchor | undefined =>
    heads.anchors.find((each) => each.size === size && (each.state === 'final' || each.state === 'mined'));
  const head = covering.find(({ size }) => anchorOf(size)) ?? covering[0];
  if (!head) {
    throw new BursarError('conflict', {
      message: `No signed head covers event ${last} yet: sign one with \`bursar anchor\`.`,
    });
  }
  const anchor = anchorOf(head.size);
  const read = storedTree(tx);
  return {
    format: 'bursar-inclusion/1',
    log: {
      origin: log.name,
      verifier_key: formatVerifierKey(log),
      chain_id: log.chainId,
      registry: log.registry,
    },
    checkpoint: head.note,
    anchor: anchor?.txHash ? { tx_hash: anchor.txHash, block_number: String(anchor.block), by: anchor.sender } : null,
    entries: await mapInOrder(events, async ({ seq, body }) => {
      const index = Number(seq) - 1;
      return { event: body, proof: formatTlogProof(index, await inclusionProof(read, index, head.size), head.note) };
    }),
  };
}

async function eventsOf(tx: ReadTx, wanted: Wanted): Promise<{ seq: bigint; body: string }[]> {
  if ('events' in wanted) return flatMapInOrder(wanted.events, (event) => eventsOf(tx, { event }));
  const [column, value] = 'event' in wanted ? ['seq', wanted.event] : ['payment_id', wanted.payment];
  const rows =
    'event' in wanted
      ? await tx.all(eventOfSeq, { seq: wanted.event })
      : await tx.all(eventsOfPayment, { payment: wanted.payment, limit: ENTRIES_MAX });
  if (rows.length > 0) return rows;
  throw new BursarError('not_found', { message: `The event log has no event of ${column} ${value}.` });
}

/** That the tree of `size` events begins with the tree of `oldSize` events, from the smaller subtrees up. */
export async function proveConsistency(tx: ReadTx, oldSize: number, size: number): Promise<string[]> {
  return (await consistencyProof(storedTree(tx), oldSize, size)).map((hash) => hash.toString('base64'));
}
