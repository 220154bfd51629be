import { type Hex, hexToBytes, keccak256 } from 'viem';

const BITS = 2048;
/** Thresholds by set bits: above `dense`, one in eight absent items seems present; below `sparse`, one in five hundred. */
const FILL = { sparse: BITS / 8, dense: BITS / 2 } as const;
/** The number of items whose bits are cached: followed addresses come up in every block. */
const REMEMBERED_MAX = 50_000;
const remembered = new Map<Hex, readonly number[]>();

/** A block header's `logsBloom`: an item that is not in it was not logged; one that is in it may have been. */
export class Bloom {
  readonly #bytes: Uint8Array;

  constructor(bloom: Hex) {
    this.#bytes = hexToBytes(bloom);
  }

  has(item: Hex): boolean {
    return bitsOf(item).every((bit) => ((this.#bytes[byteOf(bit)] ?? 0) & (1 << (bit & 7))) !== 0);
  }

  get fill(): 'sparse' | 'medium' | 'dense' {
    let set = 0;
    for (const byte of this.#bytes) for (let rest = byte; rest > 0; rest &= rest - 1) set += 1;
    if (set > FILL.dense) return 'dense';
    return set > FILL.sparse ? 'medium' : 'sparse';
  }
}

/** Computes the bloom of these logs, which the header must show if its block has no others. */
export function bloomOf(logs: readonly { address: Hex; topics: readonly Hex[] }[]): Hex {
  const bytes = new Uint8Array(BITS / 8);
  for (const { address, topics } of logs) {
    for (const item of [address, ...topics]) {
      for (const bit of bitsOf(item)) bytes[byteOf(bit)] = (bytes[byteOf(bit)] ?? 0) | (1 << (bit & 7));
    }
  }
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** Three bits of 2048 (yellow paper, 4.3.1). */
function bitsOf(item: Hex): readonly number[] {
  const known = remembered.get(item);
  if (known) return known;
  const hash = hexToBytes(keccak256(item));
  const bits = [0, 2, 4].map((at) => (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) & (BITS - 1));
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  remembered.set(item, bits);
  return bits;
}

const byteOf = (bit: number): number => BITS / 8 - 1 - (bit >> 3);
