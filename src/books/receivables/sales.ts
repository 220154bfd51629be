import type { Address, Hex } from 'viem';
import type { AgentId } from '../../core/ids/ids.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { appendEvent } from '../ledger/events.ts';
import {
  addExpectedSale,
  closeSalesBefore,
  expectedSale,
  openSaleOf,
  payersOfOpenSales,
  setExpectedSaleState,
} from './queries.ts';

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
export type SaleState = 'expected' | 'paid' | 'closed';
type Row = RowOf<typeof expectedSale>;

/**
 * Announces a sale. The follower then also reads the payer's `AuthorizationUsed` logs, and books the transfer with this nonce as an
 * `x402_sale` (or as the invoice's payment) instead of in suspense. Each settling part (facilitator, gateway, seller) calls it
 * after `verify` and before its transaction can reach the chain, in the write that stores the settlement. Idempotent by (chain,
 * payer, nonce): the first announcement counts; false if there was one.
 */
export async function expectSale(tx: Tx, sale: ExpectedSale, atMs: number): Promise<boolean> {
  const changed = await tx.run(addExpectedSale, {
    chain: sale.chainId,
    payer: sale.payer,
    nonce: sale.nonce.toLowerCase(),
    agent: sale.agentId,
    amount: sale.amount,
    resource: sale.resource.slice(0, 2048),
    invoice: sale.invoiceId ?? null,
    // Some clients sign without an end; SQLite's integers end earlier.
    validBefore: sale.validBeforeS > 4_102_444_800n ? 4_102_444_800n : sale.validBeforeS,
    at: atMs,
  });
  if (changed === 0) return false;
  const data = {
    payer: sale.payer,
    nonce: sale.nonce,
    amount: formatUsdc(sale.amount),
    resource: sale.resource,
    ...(sale.invoiceId ? { invoice: sale.invoiceId } : {}),
  };
  await appendEvent(tx, { type: 'sale.expected', actor: 'bursar', agentId: sale.agentId, data }, atMs);
  return true;
}

export async function findExpectedSale(
  tx: ReadTx,
  chainId: number,
  payer: string,
  nonce: string,
): Promise<Row | undefined> {
  return tx.get(expectedSale, { chain: chainId, payer, nonce: nonce.toLowerCase() });
}

/** The payers whose authorizations the follower must read: of sales that may still be paid, or whose block may still be undone. */
export async function openPayers(tx: ReadTx, chainId: number): Promise<Address[]> {
  return (await tx.all(payersOfOpenSales, { chain: chainId })).map((row) => row.payer);
}

export async function isOpenPayer(tx: ReadTx, chainId: number, address: string): Promise<boolean> {
  return (await tx.get(openSaleOf, { chain: chainId, payer: address })) !== undefined;
}

export async function setSaleState(
  tx: Tx,
  { chainId, payer, nonce }: { chainId: number; payer: string; nonce: string },
  state: SaleState,
): Promise<void> {
  await tx.run(setExpectedSaleState, { chain: chainId, payer, nonce: nonce.toLowerCase(), state });
}

/** Stops waiting for authorizations that can no longer be used. `finalS`: the time of the newest final block. */
export async function closeLapsedSales(tx: Tx, chainId: number, finalS: number): Promise<void> {
  await tx.run(closeSalesBefore, { chain: chainId, final: finalS });
}
