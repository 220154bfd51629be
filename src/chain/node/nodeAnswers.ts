import { BaseError, type Hex, isHex } from 'viem';
import { BursarError } from '../../core/errors/base.ts';

/** Interprets a node's answer to `eth_sendRawTransaction`. Nodes agree on no error codes and only roughly on messages. */
export type SendAnswer =
  /** The transaction is in the pool, or was already. */
  | { kind: 'accepted' }
  /** Its nonce is used: it, or another attempt, was mined. The receipts show which. */
  | { kind: 'nonce_used' }
  /** Another attempt with a higher fee is in the pool, or the base fee is above its fee: it needs a replacement. */
  | { kind: 'underpriced' }
  | { kind: 'insufficient_gas' }
  | { kind: 'refused'; message: string };

/** Sends through `send` and interprets the answer. Throws only `chain_unavailable`. */
export async function readSendAnswer(send: () => Promise<unknown>): Promise<SendAnswer> {
  try {
    await send();
    return { kind: 'accepted' };
  } catch (error) {
    if (error instanceof BursarError) throw error;
    const message = wordsOf(error);
    if (/already known|already imported|known transaction|already in mempool/i.test(message))
      return { kind: 'accepted' };
    if (/nonce too low|nonce has already been used|oldnonce/i.test(message)) return { kind: 'nonce_used' };
    if (/underpriced|less than (the )?block base fee|fee too low|max fee per gas less/i.test(message)) {
      return { kind: 'underpriced' };
    }
    if (/insufficient funds|insufficient balance/i.test(message)) return { kind: 'insufficient_gas' };
    return { kind: 'refused', message: message.slice(0, 300) };
  }
}

/** The reason of a failed simulation: `data` is the revert data, from which the wallet's errors are decoded. */
export type Refusal = { message: string; data: Hex | null };

/** Finds the refusal in an error of `eth_estimateGas` or `eth_call`; null if the contract did not refuse. */
export function refusalIn(error: unknown): Refusal | null {
  const message = wordsOf(error);
  const codes = chainOf(error).map((link) => ('code' in link ? link.code : undefined));
  // EIP-1474 has no code for a revert; geth and anvil use 3.
  const reverted = codes.includes(3) || /revert|out of gas|gas required exceeds|invalid opcode/i.test(message);
  if (!reverted) return null;
  const data = chainOf(error)
    .map((link) => ('data' in link ? link.data : undefined))
    .find((value) => isHex(value));
  return { message: message.slice(0, 300), data: isHex(data) ? data : null };
}

/** All messages along the chain of causes: viem keeps the node's own in `details`, several levels down. */
function wordsOf(error: unknown): string {
  const parts = chainOf(error).map((link) => (link instanceof BaseError ? link.details : link.message));
  return [...new Set(parts)].filter(Boolean).join(' | ');
}

function chainOf(error: unknown): Error[] {
  const links: Error[] = [];
  for (let link = error; link instanceof Error && links.length < 10; link = link.cause) links.push(link);
  return links;
}
