import { createKeccak } from 'hash-wasm';
import type { Hex } from 'viem';
import type { PaymentId } from './ids.ts';

/** WebAssembly: a tenth of the time that the same hash takes in JavaScript, and each payment needs one. No browser loads this file. */
const keccak = await createKeccak(256);

/** The bytes32 under which the chain knows a payment: keccak256 of the id's text. */
export function paymentIdOnChain(id: PaymentId): Hex {
  return `0x${keccak.init().update(id).digest('hex')}`;
}
