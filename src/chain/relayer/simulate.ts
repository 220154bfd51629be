import { numberToHex } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import type { Store } from '../../store/store.ts';
import type { Chain } from '../node/chain.ts';
import { refusalIn } from '../node/nodeAnswers.ts';
import { transactionOf } from './queries.ts';
import type { DropReason, TransactionRow } from './transactions.ts';

export type Estimate =
  | { kind: 'gas'; gasLimit: bigint }
  /** Not now: something else must happen first. */
  | { kind: 'wait' }
  | { kind: 'refused'; reason: DropReason; detail: string };

/** State may change before it is mined: a payee's first USDC costs 17,100 more, a new period some thousands. */
const MARGIN_PERCENT = 25n;
const MARGIN_GAS = 25_000n;

/**
 * Estimates the gas at the head of the chain, with a margin, or returns why the contract refuses. `detail` of a refusal is the
 * revert data in hex if the node gave it, else the node's message. Throws `chain_unavailable` if the node gives neither.
 */
export async function estimate(chain: Chain, row: TransactionRow): Promise<Estimate> {
  try {
    const [gas, code] = await chain.run((client) =>
      Promise.all([
        client.request({
          method: 'eth_estimateGas',
          params: [{ from: row.sender, to: row.to_address, data: row.data, value: numberToHex(0) }, 'latest'],
        }),
        row.data === '0x' ? ('0x01' as const) : client.getCode({ address: row.to_address }),
      ]),
    );
    // A call to an address without code succeeds without effect: a payment from a wallet that is not deployed.
    if (code === undefined) return { kind: 'refused', reason: 'no_contract', detail: row.to_address };
    return { kind: 'gas', gasLimit: BigInt(gas) + (BigInt(gas) * MARGIN_PERCENT) / 100n + MARGIN_GAS };
  } catch (error) {
    if (error instanceof BursarError) throw error;
    const refusal = refusalIn(error);
    if (refusal === null) {
      throw new BursarError('chain_unavailable', { message: 'The RPC cannot simulate a transaction.', cause: error });
    }
    return { kind: 'refused', reason: 'refused', detail: refusal.data ?? refusal.message };
  }
}

/**
 * Tells whether a queued transaction can be signed: its dependency was mined, and the contract would accept it. A refusal counts
 * only once all earlier ones of its sender queue are mined (`earliestUnmined` is the smallest of their ids), since they may be its
 * precondition.
 */
export async function readiness(
  store: Store,
  chain: Chain,
  row: TransactionRow,
  earliestUnmined: bigint | null,
): Promise<Estimate> {
  const { depends_on } = row;
  if (depends_on !== null) {
    const needed = await store.read((tx) => tx.get(transactionOf, { id: depends_on }));
    if (needed?.state === 'queued' || needed?.state === 'pending') return { kind: 'wait' };
    if (needed?.succeeded !== 1n) return { kind: 'refused', reason: 'dependency_failed', detail: `${depends_on}` };
  }
  const result = await estimate(chain, row);
  const waits = result.kind === 'refused' && earliestUnmined !== null && earliestUnmined < row.id;
  return waits ? { kind: 'wait' } : result;
}
