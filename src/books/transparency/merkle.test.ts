import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consistencyProof,
  EMPTY_ROOT,
  type Hash,
  inclusionProof,
  isConsistent,
  leafHash,
  nodeHash,
  RunningTree,
  rootOf,
  rootOfInclusion,
  type SubtreeReader,
} from './merkle.ts';

/** The definition of RFC 6962 word by word, over a list of leaves. */
function treeHash(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0] as Hash;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

const readerOf =
  (leaves: readonly Hash[]): SubtreeReader =>
  async (level, index) =>
    treeHash(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));

const leavesOf = (count: number): Hash[] => Array.from({ length: count }, (_, n) => leafHash(`event ${n}`));

/** The vectors that certificate-transparency-go and its kin share. */
const ctLeaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => leafHash(Buffer.from(hex, 'hex')));
const ctRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const flipped = (hash: Hash): Hash => {
  const copy = Buffer.from(hash);
  copy[7] = (copy[7] as number) ^ 1;
  return copy;
};

describe('the Merkle tree of RFC 6962', () => {
  it('has the roots of the known vectors, at every size', async () => {
    for (const [size, root] of ctRoots.entries()) {
      expect((await rootOf(readerOf(ctLeaves.slice(0, size)), size)).toString('hex')).toBe(root);
    }
  });

  it('has the inclusion and consistency proofs of the known vectors', async () => {
    const read = readerOf(ctLeaves);
    const hex = (proof: readonly Hash[]) => proof.map((hash) => hash.toString('hex'));
    expect(hex(await inclusionProof(read, 0, 8))).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(hex(await inclusionProof(read, 2, 3))).toEqual([
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    ]);
    expect(hex(await consistencyProof(read, 6, 8))).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });

  it('gives the same root leaf by leaf', () => {
    const leaves = leavesOf(300);
    const tree = new RunningTree();
    expect(tree.root()).toEqual(EMPTY_ROOT);
    for (const [index, leaf] of leaves.entries()) {
      tree.add(leaf);
      expect(tree.size).toBe(index + 1);
      if (index % 13 === 0) expect(tree.root()).toEqual(treeHash(leaves.slice(0, index + 1)));
    }
  });

  it('keeps a leaf and a node with the same content apart', () => {
    const [a, b] = leavesOf(2) as [Hash, Hash];
    expect(leafHash(Buffer.concat([a, b]))).not.toEqual(nodeHash(a, b));
  });
});

describe('an inclusion proof', () => {
  it('leads to the root for every leaf of every size, and to no other root for any change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.nat(), fc.nat(), async (size, at, which) => {
        const leaves = leavesOf(size);
        const index = at % size;
        const read = readerOf(leaves);
        const root = await rootOf(read, size);
        const proof = await inclusionProof(read, index, size);
        const leaf = leaves[index] as Hash;
        expect(rootOfInclusion(leaf, index, size, proof)).toEqual(root);
        expect(rootOfInclusion(flipped(leaf), index, size, proof)).not.toEqual(root);
        expect(rootOfInclusion(leaf, index, size, [...proof, root])).toBeNull();
        if (proof.length === 0) return;
        expect(rootOfInclusion(leaf, index, size, proof.slice(1))).not.toEqual(root);
        const changed = proof.map((hash, n) => (n === which % proof.length ? flipped(hash) : hash));
        expect(rootOfInclusion(leaf, index, size, changed)).not.toEqual(root);
        const other = (index + 1 + (which % (size - 1))) % size;
        expect(rootOfInclusion(leaf, other, size, proof)).not.toEqual(root);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [0, 0],
    [3, 3],
    [-1, 3],
    [0.5, 3],
    [0, Number.NaN],
    [2 ** 53, 2 ** 53 + 2],
  ])('is none for leaf %s of %s', async (index, size) => {
    expect(rootOfInclusion(EMPTY_ROOT, index, size, [])).toBeNull();
    await expect(() => inclusionProof(readerOf(leavesOf(3)), index, size)).rejects.toThrow(RangeError);
  });
});

describe('a consistency proof', () => {
  it('joins any two sizes, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 200 }), fc.nat(), fc.nat(), async (size, at, which) => {
        const leaves = leavesOf(size);
        const oldSize = at % (size + 1);
        const read = readerOf(leaves);
        const heads = { oldSize, oldRoot: await rootOf(read, oldSize), size, root: await rootOf(read, size) };
        const proof = await consistencyProof(read, oldSize, size);
        expect(isConsistent({ ...heads, proof })).toBe(true);
        expect(isConsistent({ ...heads, oldRoot: flipped(heads.oldRoot), proof })).toBe(false);
        if (oldSize > 0) expect(isConsistent({ ...heads, root: flipped(heads.root), proof })).toBe(false);
        expect(isConsistent({ ...heads, proof: [...proof, heads.root] })).toBe(false);
        for (const n of proof.length === 0 ? [] : [which % proof.length]) {
          expect(isConsistent({ ...heads, proof: proof.map((hash, i) => (i === n ? flipped(hash) : hash)) })).toBe(
            false,
          );
          expect(isConsistent({ ...heads, proof: proof.filter((_, i) => i !== n) })).toBe(false);
        }
        // A log that changed one old event has no proof that both roots accept.
        if (oldSize === 0 || oldSize === size) return;
        const forked = leaves.map((leaf, n) => (n === which % oldSize ? flipped(leaf) : leaf));
        const forkedRead = readerOf(forked);
        const fork = { ...heads, root: await rootOf(forkedRead, size) };
        expect(isConsistent({ ...fork, proof: await consistencyProof(forkedRead, oldSize, size) })).toBe(false);
        expect(isConsistent({ ...fork, proof })).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a smaller tree after a larger one', async () => {
    const read = readerOf(leavesOf(5));
    expect(
      isConsistent({ oldSize: 5, oldRoot: await rootOf(read, 5), size: 4, root: await rootOf(read, 4), proof: [] }),
    ).toBe(false);
    await expect(() => consistencyProof(read, 5, 4)).rejects.toThrow(RangeError);
  });
});
