import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mapInOrder } from '../../core/inOrder.ts';
import { query, statement } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { dropGuards } from '../../store/tampering.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { appendEvent } from '../ledger/events.ts';
import {
  consistencyProof,
  inclusionProof,
  isConsistent,
  leafHash,
  RunningTree,
  rootOf,
  rootOfInclusion,
} from './merkle.ts';
import { eventBodies, growTiles, logSize, storedTree } from './tree.ts';

const noPause = async () => {};
let store: Store;
beforeEach(async () => {
  store = await openTestStore();
});
afterEach(() => store.close());

const append = (count: number) =>
  store.write(async (tx) => {
    for (let n = 0; n < count; n += 1) {
      await appendEvent(
        tx,
        { type: 'payment.denied', actor: 'agt_1', data: { n, text: 'ünï' } },
        1_700_000_000_000 + n,
      );
    }
  });

/** By another way than the tiles: leaf by leaf, from the events alone. */
async function rootsFromEvents(): Promise<string[]> {
  const tree = new RunningTree();
  return (await store.read((tx) => eventBodies(tx, 0, 1_000_000))).map((body) => {
    tree.add(leafHash(body));
    return tree.root().toString('hex');
  });
}
const rootFromTiles = (size: number) => store.read(async (tx) => (await rootOf(storedTree(tx), size)).toString('hex'));

const tilesByLevel = statement()((db) =>
  db
    .selectFrom('log_tiles')
    .select(({ fn }) => ['level', fn.countAll<bigint>().as('n')])
    .groupBy('level')
    .orderBy('level'),
);

describe('the tree over the event log', () => {
  it('has the root of its events at every size, before, while and after tiles are stored', async () => {
    await append(1_100);
    const roots = await rootsFromEvents();
    const sizes = [1, 2, 3, 255, 256, 257, 511, 512, 513, 768, 1_023, 1_024, 1_025, 1_100];
    const expected = sizes.map((size) => roots[size - 1]);
    expect(await mapInOrder(sizes, rootFromTiles)).toEqual(expected);
    expect(await growTiles(store, 2, noPause)).toBe(2);
    expect(await mapInOrder(sizes, rootFromTiles)).toEqual(expected);
    expect(await growTiles(store, 1_000, noPause)).toBe(2);
    expect(await growTiles(store, 1_000, noPause)).toBe(0);
    expect(await mapInOrder(sizes, rootFromTiles)).toEqual(expected);
  });

  it('goes on where it was when more events come', async () => {
    for (const count of [200, 56, 1, 300]) {
      await append(count);
      await growTiles(store, 1_000, noPause);
      expect(await rootFromTiles(await store.read(logSize))).toBe((await rootsFromEvents()).at(-1));
    }
    expect(
      await store.read((tx) =>
        tx.get(query((db) => db.selectFrom('log_tiles').select(({ fn }) => fn.countAll<bigint>().as('n')))),
      ),
    ).toEqual({ n: 2n });
  });

  it('stores the roots of 256 tiles as a tile of the level above', async () => {
    await append(256 * 256 + 300);
    await growTiles(store, 1_000, noPause);
    expect(await store.read((tx) => tx.all(tilesByLevel))).toEqual([
      { level: 0n, n: 257n },
      { level: 1n, n: 1n },
    ]);
    const size = await store.read(logSize);
    const root = (await rootsFromEvents()).at(-1);
    expect(await rootFromTiles(size)).toBe(root);
    await store.read(async (tx) => {
      const read = storedTree(tx);
      for (const index of [0, 255, 256, 65_535, 65_536, size - 1]) {
        const [body = ''] = await eventBodies(tx, index, 1);
        const proof = await inclusionProof(read, index, size);
        expect(rootOfInclusion(leafHash(body), index, size, proof)?.toString('hex')).toBe(root);
      }
      for (const oldSize of [1, 256, 65_535, 65_536, 65_537, size]) {
        const heads = { oldSize, oldRoot: await rootOf(read, oldSize), size, root: await rootOf(read, size) };
        expect(isConsistent({ ...heads, proof: await consistencyProof(read, oldSize, size) })).toBe(true);
      }
    });
  });

  it('is the same when two growers run at a time', async () => {
    await append(2_000);
    await Promise.all([growTiles(store, 10, noPause), growTiles(store, 10, noPause)]);
    expect(await rootFromTiles(2_000)).toBe((await rootsFromEvents()).at(-1));
  });

  it('says so where an event is missing', async () => {
    await append(10);
    await store.write(async (tx) => {
      await dropGuards(tx);
      await tx.run(query((db) => db.deleteFrom('events').where('seq', '=', 4n)));
    });
    await expect(() => rootFromTiles(10)).rejects.toThrow('gap');
  });
});
