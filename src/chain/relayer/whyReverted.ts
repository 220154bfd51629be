import type { ReadTx } from '../../store/store.ts';
import { explainRevert, type Revert } from '../contracts/reverts.ts';
import type { Chain } from '../node/chain.ts';
import { refusalIn } from '../node/nodeAnswers.ts';
import { transactionOf } from './queries.ts';

/**
 * Finds why a mined transaction reverted, by calling it again on the state before its block: the contract's error with its values,
 * or the node's message. Null if it did not revert, or succeeds there (an earlier one in the same block was the cause). Throws
 * `chain_unavailable`; needs a node that has that state.
 */
export async function whyReverted(
  chain: Chain,
  read: <T>(job: (tx: ReadTx) => Promise<T>) => Promise<T>,
  transactionId: bigint,
): Promise<Revert | null> {
  const row = await read((tx) => tx.get(transactionOf, { id: transactionId }));
  if (row?.succeeded !== 0n || row.block_number === null) return null;
  const { sender, to_address: to, data, gas_limit: gas, block_number: number } = row;
  try {
    await chain.run((client) =>
      client.call({ account: sender, to, data, blockNumber: number - 1n, ...(gas === null ? {} : { gas }) }),
    );
    return null;
  } catch (error) {
    const refusal = refusalIn(error);
    if (refusal === null) throw error;
    return explainRevert(refusal.data) ?? { error: refusal.message, args: {} };
  }
}
