import { type Address, BaseError, getContractAddress, type Hex } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import type { Chain } from '../node/chain.ts';

/** Init code that returns its own address: ADDRESS, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN. */
const OWN_ADDRESS = '0x3060005260206000f3';

/**
 * Reads a key's nonce from the node's EVM instead of `eth_getTransactionCount`: a contract created by `eth_call` gets the address
 * of sender and nonce (EIP-161, CREATE). `unknown`: the node runs no creation in a call.
 */
export async function confirmNonce(
  chain: Chain,
  sender: Address,
  stated: bigint,
): Promise<'confirmed' | 'contradicted' | 'unknown'> {
  let data: Hex | undefined;
  try {
    ({ data } = await chain.run((client) => client.call({ account: sender, data: OWN_ADDRESS })));
  } catch (error) {
    if (error instanceof BursarError) throw error;
    if (!(error instanceof BaseError)) throw error;
    return 'unknown';
  }
  if (data === undefined || data.length !== 66) return 'unknown';
  const created = getContractAddress({ opcode: 'CREATE', from: sender, nonce: stated });
  return BigInt(data) === BigInt(created) ? 'confirmed' : 'contradicted';
}

/**
 * Tells whether a nonce that our own records do not explain can be trusted: two block tags agree, and so does the EVM, or, if the
 * node runs no creations, the count at a final block. Throws `chain_unavailable`.
 */
export async function isBelievable(
  chain: Chain,
  sender: Address,
  stated: bigint,
  finalNumber: bigint,
): Promise<{ ok: boolean; details: Record<string, string> }> {
  const pooled = await chain.run((client) => client.getTransactionCount({ address: sender, blockTag: 'pending' }));
  if (BigInt(pooled) !== stated) return { ok: false, details: { stated_pending: `${pooled}` } };
  const evm = await confirmNonce(chain, sender, stated);
  if (evm !== 'unknown') return { ok: evm === 'confirmed', details: { evm } };
  if (finalNumber < 0n) return { ok: false, details: { final_nonce: 'none' } };
  const final = await chain.run((client) => client.getTransactionCount({ address: sender, blockNumber: finalNumber }));
  return { ok: BigInt(final) === stated, details: { final_nonce: `${final}` } };
}
