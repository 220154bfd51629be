import { invariant } from '../../core/errors/base.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import type { ReadTx, Store, Tx } from '../../store/store.ts';
import { HASH_BYTES, type Hash, leafHash, nodeHash, type SubtreeReader } from './merkle.ts';
import { addTile, bodiesBetween, eventBody, lastTile, newestEvent, storedTile, tileRoots } from './queries.ts';

/** Hashes in a tile, and events in an entry bundle: C2SP tlog-tiles. */
export const TILE_WIDTH = 256;
const LEVELS_PER_TILE = 8;

/** The number of events, which are the tree's leaves: event `seq` is leaf `seq - 1`. */
export async function logSize(tx: ReadTx): Promise<number> {
  return Number((await tx.get(newestEvent))?.seq ?? 0n);
}

/** Reads subtrees from stored tiles, and from the events where a tile is not stored yet. */
export function storedTree(tx: ReadTx): SubtreeReader {
  const tiles = new Map<string, Buffer | null>();

  async function tileOf(level: number, tile: number): Promise<Buffer | null> {
    const key = `${level}/${tile}`;
    let hashes = tiles.get(key);
    if (hashes === undefined) {
      const row = await tx.get(storedTile, { level, tile });
      hashes = row ? Buffer.from(row.hashes, 'base64') : null;
      tiles.set(key, hashes);
    }
    return hashes;
  }

  /** One hash of a tile level: an event's, or the root of a tile below. */
  async function entry(level: number, index: number): Promise<Hash> {
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    const hashes = await tileOf(level, Math.floor(index / TILE_WIDTH));
    if (hashes) return hashes.subarray(at, at + HASH_BYTES);
    if (level === 0) return eventHash(tx, index);
    const row = await tx.get(storedTile, { level: level - 1, tile: index });
    if (row) return Buffer.from(row.root, 'hex');
    return fold(
      await mapInOrder(Array.from({ length: TILE_WIDTH }), (_, n) => entry(level - 1, index * TILE_WIDTH + n)),
    );
  }

  return async (level, index) => {
    const width = 2 ** (level % LEVELS_PER_TILE);
    const below = await mapInOrder(Array.from({ length: width }), (_, n) =>
      entry(Math.floor(level / LEVELS_PER_TILE), index * width + n),
    );
    return fold(below);
  };
}

async function eventHash(tx: ReadTx, index: number): Promise<Hash> {
  const row = await tx.get(eventBody, { seq: index + 1 });
  invariant(row, 'The event log has a gap.', { event: index + 1 });
  return leafHash(row.body);
}

/** The root over hashes whose number is a power of two. */
function fold(leaves: readonly Hash[]): Hash {
  let hashes = leaves;
  while (hashes.length > 1) {
    const below = hashes;
    hashes = Array.from({ length: below.length / 2 }, (_, n) =>
      nodeHash(below[2 * n] as Hash, below[2 * n + 1] as Hash),
    );
  }
  return hashes[0] as Hash;
}

/** Full tiles that share a commit: it bounds their memory. */
const TILES_PER_COMMIT = 64;

/**
 * Stores the tiles that have become full, at most `limit` of level 0. Outside the gate's transaction: a payment appends its event and
 * nothing more. Idempotent. `pause` is awaited between tiles.
 */
export async function growTiles(store: Store, limit: number, pause: () => Promise<void>): Promise<number> {
  const first = Number((await store.read((tx) => tx.get(lastTile)))?.tile ?? -1n) + 1;
  let grown = 0;
  for (;;) {
    const most = Math.min(TILES_PER_COMMIT, limit - grown);
    const tiles = await fullTiles(store, { first: first + grown, most }, pause);
    if (tiles.length > 0) await store.write((tx) => mapInOrder(tiles, (tile) => storeTile(tx, tile)));
    grown += tiles.length;
    if (tiles.length < most || grown === limit) return grown;
  }
}

async function fullTiles(
  store: Store,
  { first, most }: { first: number; most: number },
  pause: () => Promise<void>,
): Promise<Tile[]> {
  const tiles: Tile[] = [];
  while (tiles.length < most) {
    const tile = first + tiles.length;
    const bodies = await store.read((tx) => eventBodies(tx, tile * TILE_WIDTH, TILE_WIDTH));
    if (bodies.length < TILE_WIDTH) break;
    const hashes = bodies.map(leafHash);
    tiles.push({ level: 0, tile, hashes, root: fold(hashes) });
    await pause();
  }
  return tiles;
}

/** Bodies of the events that are the leaves from `from` on. */
export async function eventBodies(tx: ReadTx, from: number, count: number): Promise<string[]> {
  return (await tx.all(bodiesBetween, { after: from, last: from + count })).map((row) => row.body);
}

type Tile = { level: number; tile: number; hashes: readonly Hash[]; root: Hash };

async function storeTile(tx: Tx, { level, tile, hashes, root }: Tile): Promise<void> {
  await tx.run(addTile, { level, tile, hashes: Buffer.concat(hashes).toString('base64'), root: root.toString('hex') });
  if (tile % TILE_WIDTH !== TILE_WIDTH - 1) return;
  const first = tile - (TILE_WIDTH - 1);
  const roots = await tx.all(tileRoots, { level, first, last: tile });
  invariant(roots.length === TILE_WIDTH, 'The event log has a gap in its tiles.', { level, tile });
  const above = roots.map((row) => Buffer.from(row.root, 'hex'));
  const rootAbove = fold(above);
  await storeTile(tx, { level: level + 1, tile: first / TILE_WIDTH, hashes: above, root: rootAbove });
}
