import type { Address } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import { appendEvent } from '../ledger/events.ts';
import { appendCheckpoint, parseCheckpointFile, readCheckpointFile } from './checkpointFile.ts';
import { rootOf } from './merkle.ts';
import { type Checkpoint, NoteError, type NoteSigner, openCheckpoint, signCheckpoint } from './note.ts';
import { addHead, heads, headsSigned } from './queries.ts';
import { growTiles, logSize, storedTree } from './tree.ts';

export type Head = { size: number; root: string; note: string; signedAtMs: number };
type HeadRow = RowIn<'log_heads'>;

export type HeadOptions = {
  store: Store;
  signer: NoteSigner;
  /** The file outside the database; null: none is kept. */
  file: string | null;
  clock: () => number;
};

/** What a log is called: by chain and registry, so that the log of another organisation or chain cannot be taken for it. */
export function originOf(chainId: number, registry: Address): string {
  return `bursar/eip155-${chainId}/${registry}`;
}

export async function newestHead(tx: ReadTx): Promise<Head | null> {
  const row = await tx.get(heads, { limit: 1 });
  return row ? toHead(row) : null;
}

export async function listHeads(tx: ReadTx, limit: number): Promise<Head[]> {
  return (await tx.all(heads, { limit })).map(toHead);
}

/** The heads that the event log itself tells of. */
export async function headEvents(tx: ReadTx): Promise<{ size: number; root: string }[]> {
  return (await tx.all(headsSigned)).map(({ body }) => {
    const { data } = JSON.parse(body) as { data: { size?: unknown; root?: unknown } };
    return { size: Number(data.size), root: String(data.root) };
  });
}

const toHead = (row: HeadRow): Head => ({
  size: Number(row.size),
  root: row.root,
  note: row.note,
  signedAtMs: Number(row.signed_at),
});

/** Stores all full tiles first, so that roots and proofs read a few rows. */
export const growAll = (store: Store): Promise<number> =>
  growTiles(store, Number.MAX_SAFE_INTEGER, () => new Promise((resolve) => setImmediate(resolve)));

/**
 * Signs the head of the log as it is now. The note is in the file and in the database before anybody is told of it. A log never signs
 * what contradicts an earlier head of its own: throws `log_inconsistent` then, and signs nothing. Null for a log without events.
 * Where nothing was appended since the last head, gives that one.
 */
export async function signHead(options: HeadOptions, actor: string): Promise<Head | null> {
  const { store, signer, file, clock } = options;
  await growAll(store);
  const { size, root } = await store.read(async (tx) => {
    const now = await logSize(tx);
    return { size: now, root: await rootOf(storedTree(tx), now) };
  });
  if (size === 0) return null;
  await checkEarlierHeads(options, size);
  const { note } = await signCheckpoint(signer, size, root);
  if (file !== null) appendCheckpoint(file, note);
  return store.write(async (tx) => {
    const known = await newestHead(tx);
    if (known && known.size >= size) return known;
    const head: Head = { size, root: root.toString('hex'), note, signedAtMs: clock() };
    await tx.run(addHead, { size, root: head.root, note, at: head.signedAtMs });
    const data = { size, root: head.root, checkpoint: note, outside: file !== null };
    await appendEvent(tx, { type: 'log.head_signed', actor, data }, head.signedAtMs);
    return head;
  });
}

/** The newest head of the database and of the file must both be heads of what the log is now. */
async function checkEarlierHeads({ store, signer, file }: HeadOptions, size: number): Promise<void> {
  const earlier = [...(await heldByDatabase(store)), ...(file === null ? [] : heldByFile(file, signer))];
  for (const { checkpoint, where } of earlier) {
    const isHere =
      checkpoint.size <= size &&
      (await store.read((tx) => rootOf(storedTree(tx), checkpoint.size))).equals(checkpoint.root);
    if (isHere) continue;
    const details = { size, signed_size: checkpoint.size, signed_root: checkpoint.root.toString('hex'), where };
    throw new BursarError('log_inconsistent', {
      message: `The log has ${size} events and contradicts the head of ${checkpoint.size} events in ${where}.`,
      details,
    });
  }
}

type Earlier = { checkpoint: Pick<Checkpoint, 'size' | 'root'>; where: string };

async function heldByDatabase(store: Store): Promise<Earlier[]> {
  const head = await store.read(newestHead);
  return head ? [{ checkpoint: { size: head.size, root: Buffer.from(head.root, 'hex') }, where: 'the database' }] : [];
}

/** Notes by other keys, or that are damaged, are for \`ledger check --anchors\` to name; they do not bind this key. */
function heldByFile(file: string, signer: NoteSigner): Earlier[] {
  const heads = parseCheckpointFile(readCheckpointFile(file) ?? '').records.flatMap(({ note }) => {
    try {
      return [openCheckpoint(note, signer)];
    } catch (error) {
      if (error instanceof NoteError) return [];
      throw error;
    }
  });
  const largest = heads.reduce<Checkpoint | null>((most, head) => (most && most.size >= head.size ? most : head), null);
  return largest ? [{ checkpoint: largest, where: 'the file of checkpoints' }] : [];
}
