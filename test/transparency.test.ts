import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvent } from '../src/books/ledger/events.ts';
import {
  consistencyProof,
  type Hash,
  inclusionProof,
  rootOf,
  type SubtreeReader,
} from '../src/books/transparency/merkle.ts';
import { formatVerifierKey, noteSigner, signCheckpoint } from '../src/books/transparency/note.ts';
import { eventBodies, growTiles, storedTree } from '../src/books/transparency/tree.ts';
import { ed25519Signer } from '../src/core/crypto/ed25519.ts';
import { flatMapInOrder, mapInOrder } from '../src/core/inOrder.ts';
import type { Store } from '../src/store/store.ts';
import { openTestStore } from '../src/store/testing/openTestStore.ts';
import { goReader, pythonReader, type TlogChecks, type TlogReader } from './support/tlogReaders.ts';

const EVENTS = 70_000;
const signer = noteSigner(
  'bursar/eip155-31337/0x5FbDB2315678afecb367f032d93F642f64180aa3',
  ed25519Signer(Buffer.alloc(32, 3)),
);
const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

let store: Store;
let checks: TlogChecks;

/** A deterministic walk over sizes and positions, the edges of tiles among them. */
function numbersBelow(limit: number, count: number): number[] {
  const edges = [0, 1, 2, 254, 255, 256, 257, 65_535, 65_536, 65_537, limit - 1].filter((n) => n < limit);
  const spread = Array.from({ length: count }, (_, n) => (n * 7_919 * (n + 3)) % limit);
  return [...new Set([...edges, ...spread])];
}

async function inclusion(
  read: SubtreeReader,
  body: string,
  index: number,
  size: number,
): Promise<TlogChecks['inclusions'][number]> {
  const head = { size, root: b64(await rootOf(read, size)) };
  return { entry: b64(Buffer.from(body)), index, head, proof: (await inclusionProof(read, index, size)).map(b64) };
}

async function consistency(
  read: SubtreeReader,
  oldSize: number,
  size: number,
): Promise<TlogChecks['consistencies'][number]> {
  const head = async (n: number) => ({ size: n, root: b64(await rootOf(read, n)) });
  return {
    old: await head(oldSize),
    new: await head(size),
    proof: (await consistencyProof(read, oldSize, size)).map(b64),
  };
}

const flipped = (text: string): string => {
  const bytes = Buffer.from(text, 'base64');
  bytes[5] = (bytes[5] as number) ^ 4;
  return b64(bytes);
};

beforeAll(async () => {
  store = await openTestStore();
  await store.write(async (tx) => {
    for (let n = 0; n < EVENTS; n += 1) {
      const data = { n, reason: n % 3 === 0 ? 'größer – 上限' : 'plain' };
      await appendEvent(tx, { type: 'payment.denied', actor: `agt_${n % 7}`, data }, 1_700_000_000_000 + n);
    }
  });
  await growTiles(store, 1_000, async () => {});
  const heads: [number, Hash][] = [];
  checks = await store.read(async (tx) => {
    const read = storedTree(tx);
    const sizes = numbersBelow(EVENTS, 12).filter((size) => size > 0);
    for (const size of sizes) heads.push([size, await rootOf(read, size)]);
    const body = async (index: number) => (await eventBodies(tx, index, 1))[0] ?? '';
    return {
      verifier_key: formatVerifierKey(signer),
      notes: [],
      inclusions: await flatMapInOrder(sizes, (size) =>
        mapInOrder(numbersBelow(size, 6), async (index) => inclusion(read, await body(index), index, size)),
      ),
      consistencies: await flatMapInOrder(sizes, (size) =>
        mapInOrder(
          sizes.filter((old) => old <= size),
          (old) => consistency(read, old, size),
        ),
      ),
    };
  });
  for (const [size, root] of heads) checks.notes.push((await signCheckpoint(signer, size, root)).note);
});
afterAll(() => store.close());

const readers: [string, () => Promise<TlogReader>][] = [
  ['golang.org/x/mod/sumdb and transparency-dev/merkle', goReader],
  ['aics-tlog', pythonReader],
];

describe.each(readers)('read by %s, the log', (_, open) => {
  let read: TlogReader;
  beforeAll(async () => {
    read = await open();
  });

  it('has heads, inclusion proofs and consistency proofs that are accepted', async () => {
    const answer = await read(checks);
    const accepted = (list: readonly string[]) => list.filter((problem) => problem !== '');
    expect(accepted(answer.notes)).toEqual([]);
    expect(accepted(answer.inclusions)).toEqual([]);
    expect(accepted(answer.consistencies)).toEqual([]);
    expect(checks.inclusions.length).toBeGreaterThan(100);
    expect(answer.heads).toEqual(
      checks.notes.map((note) => {
        const [, size, root] = note.split('\n');
        return { size: Number(size), root };
      }),
    );
  });

  it('has none that are accepted once a byte was changed', async () => {
    const changed: TlogChecks = {
      verifier_key: checks.verifier_key,
      notes: checks.notes.map((note) => note.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`)),
      inclusions: checks.inclusions.map((each) => ({ ...each, entry: flipped(each.entry) })),
      consistencies: checks.consistencies.map((each) => ({
        ...each,
        old: { ...each.old, root: flipped(each.old.root) },
      })),
    };
    const answer = await read(changed);
    for (const list of [answer.notes, answer.inclusions, answer.consistencies]) expect(list).not.toContain('');
  });
});
