import type { Address, Hex } from 'viem';
import type { AgentId } from '../../core/ids/ids.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { appendEvent } from '../ledger/events.ts';

/** An x402 payment that is about to be settled. `amount` in micro-USDC, `validBeforeS` in Unix seconds (EIP-3009). */
export type ExpectedSale = {
  chainId: number;
  payer: Address;
  nonce: Hex;
  agentId: AgentId;
  amount: bigint;
  /** What was bought: a URL without its query, or `invoice inv_…`. */
  resource: string;
  validBeforeS: bigint;
  invoiceId?: string;
};
type Row = {
  agent_id: string;
  amount_micro: bigint;
  resource: string;
  invoice_id: string | null;
  state: 'expected' | 'paid' | 'closed';
};

/**
 * Announces a sale: the follower then asks the chain for the payer's `AuthorizationUsed` logs too, and books the transfer that
 * follows the one with this nonce as an `x402_sale` (or as the invoice's payment) instead of putting it in suspense. Anyone who settles
 * (facilitator, gateway, seller) calls it after `verify` and before its transaction can reach the chain, in the same write
 * that stores the settlement. Idempotent by (chain, payer, nonce): the first announcement stands. False where there was one.
 */
export function expectSale(tx: Tx, sale: ExpectedSale, atMs: number): boolean {
  const changed = tx.run(
    `INSERT INTO expected_sales (chain_id, payer, nonce, agent_id, amount_micro, resource, invoice_id, valid_before_s, state, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'expected', ?) ON CONFLICT DO NOTHING`,
    sale.chainId,
    sale.payer,
    sale.nonce.toLowerCase(),
    sale.agentId,
    sale.amount,
    sale.resource.slice(0, 2048),
    sale.invoiceId ?? null,
    // Some clients sign for ever; SQLite's integers end earlier.
    sale.validBeforeS > 4_102_444_800n ? 4_102_444_800n : sale.validBeforeS,
    atMs,
  );
  if (changed === 0) return false;
  const data = {
    payer: sale.payer,
    nonce: sale.nonce,
    amount: formatUsdc(sale.amount),
    resource: sale.resource,
    ...(sale.invoiceId ? { invoice: sale.invoiceId } : {}),
  };
  appendEvent(tx, { type: 'sale.expected', actor: 'bursar', agentId: sale.agentId, data }, atMs);
  return true;
}

export function findExpectedSale(tx: ReadTx, chainId: number, payer: string, nonce: string): Row | undefined {
  return tx.get<Row>(
    'SELECT agent_id, amount_micro, resource, invoice_id, state FROM expected_sales WHERE chain_id = ? AND payer = ? AND nonce = ?',
    chainId,
    payer,
    nonce.toLowerCase(),
  );
}

/** Whose authorizations the follower must see: those of sales that may still be paid, or whose block may still be undone. */
export function openPayers(tx: ReadTx, chainId: number): Address[] {
  return tx
    .all<{ payer: Address }>(
      "SELECT DISTINCT payer FROM expected_sales WHERE chain_id = ? AND state <> 'closed' ORDER BY payer",
      chainId,
    )
    .map((row) => row.payer);
}

export function isOpenPayer(tx: ReadTx, chainId: number, address: string): boolean {
  const query = "SELECT 1 FROM expected_sales WHERE chain_id = ? AND payer = ? AND state <> 'closed' LIMIT 1";
  return tx.get(query, chainId, address) !== undefined;
}

export function setSaleState(
  tx: Tx,
  chainId: number,
  payer: string,
  nonce: string,
  state: 'expected' | 'paid' | 'closed',
): void {
  tx.run(
    'UPDATE expected_sales SET state = ? WHERE chain_id = ? AND payer = ? AND nonce = ?',
    state,
    chainId,
    payer,
    nonce.toLowerCase(),
  );
}

/** What can no longer be used is no longer waited for. `finalS`: the time of the newest final block. */
export function closeLapsedSales(tx: Tx, chainId: number, finalS: number): void {
  tx.run(
    "UPDATE expected_sales SET state = 'closed' WHERE chain_id = ? AND state = 'expected' AND valid_before_s <= ?",
    chainId,
    finalS,
  );
}
