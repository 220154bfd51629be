import { type Hex, keccak256, toRlp } from 'viem';

/** A block in the form of JSON-RPC. */
export type RawBlock = Readonly<Record<string, unknown>>;

/** In the order of the RLP list; fields of later forks follow, and are part of it if present. */
const first = [
  'parentHash',
  'sha3Uncles',
  'miner',
  'stateRoot',
  'transactionsRoot',
  'receiptsRoot',
  'logsBloom',
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'extraData',
  'mixHash',
  'nonce',
] as const;
const later = [
  'baseFeePerGas',
  'withdrawalsRoot',
  'blobGasUsed',
  'excessBlobGas',
  'parentBeaconBlockRoot',
  'requestsHash',
] as const;
const numbers: ReadonlySet<string> = new Set([
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'baseFeePerGas',
  'blobGasUsed',
  'excessBlobGas',
]);
/** Fields that nodes send beside the header. */
const beside = ['hash', 'size', 'totalDifficulty', 'uncles', 'transactions', 'withdrawals'];
const known: ReadonlySet<string> = new Set([...first, ...later, ...beside]);

/**
 * The hash of the header's own fields. Null if it is unknown: a field is missing, or there is one that this code does not know and
 * that a later fork may have added to the hash.
 */
export function headerHash(block: RawBlock): Hex | null {
  if (Object.keys(block).some((key) => !known.has(key))) return null;
  const fields = [...first, ...later.filter((key) => block[key] !== undefined && block[key] !== null)];
  const values = fields.map((key) => rlpValue(key, block[key]));
  return values.some((value) => value === null) ? null : keccak256(toRlp(values as Hex[]));
}

function rlpValue(key: string, value: unknown): Hex | null {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]*$/.test(value)) return null;
  if (!numbers.has(key)) return value as Hex;
  const digits = value.slice(2).replace(/^0+/, '');
  return `0x${digits.length % 2 === 1 ? '0' : ''}${digits}`;
}
