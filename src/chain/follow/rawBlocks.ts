import { type Hex, isHash, isHex, numberToHex } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import type { ChainClient } from '../node/chain.ts';
import { hasStandardHeaders } from '../node/chainProfile.ts';
import type { BlockHeader } from '../node/source.ts';
import { headerHash, type RawBlock } from './headerHash.ts';

/** Reads one header. Null if the node has no such block. Throws `chain_inconsistent` if the header does not match its hash. */
export async function readHeader(
  client: ChainClient,
  chainId: number,
  at: bigint | 'latest' | 'finalized',
): Promise<BlockHeader | null> {
  const tag = typeof at === 'bigint' ? numberToHex(at) : at;
  const raw = (await client.request({ method: 'eth_getBlockByNumber', params: [tag, false] })) as RawBlock | null;
  if (raw === null || raw === undefined) return null;
  const header = headerOf(raw, chainId);
  if (typeof at === 'bigint' && header.number !== at) {
    throw new BursarError('chain_inconsistent', {
      message: `The RPC was asked for block ${at} and sent block ${header.number}.`,
      details: { kind: 'wrong_block', block: at.toString() },
    });
  }
  return header;
}

function headerOf(raw: RawBlock, chainId: number): BlockHeader {
  const { hash, parentHash, logsBloom } = raw;
  const number = quantity(raw.number);
  const timestamp = quantity(raw.timestamp);
  if (!isHash(String(hash)) || !isHash(String(parentHash)) || number === null || timestamp === null) {
    throw new BursarError('chain_unavailable', { message: 'The RPC sent a block that cannot be read.' });
  }
  const actual = hasStandardHeaders(chainId) ? headerHash(raw) : null;
  if (actual !== null && actual !== hash) {
    throw new BursarError('chain_inconsistent', {
      message: `The header of block ${number} does not have the hash that the RPC gave it.`,
      details: { kind: 'header_hash', block: number.toString(), told: hash, actual },
    });
  }
  return {
    number,
    hash: hash as Hex,
    parentHash: parentHash as Hex,
    timestampS: Number(timestamp),
    logsBloom: actual === null ? undefined : (logsBloom as Hex),
  };
}

function quantity(value: unknown): bigint | null {
  return isHex(value) && /^0x[0-9a-fA-F]{1,16}$/.test(value) ? BigInt(value) : null;
}
