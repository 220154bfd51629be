import { type Address, type Hex, isAddressEqual, recoverMessageAddress } from 'viem';
import { z } from 'zod';
import { claimPayment, claimText } from '../../../books/receivables/claims.ts';
import { getInvoice, type Invoice } from '../../../books/receivables/invoices.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { AddressText, Hex32 } from '../../../core/schemas/schemas.ts';
import type { App } from '../app.ts';

/** The claim that a payer sends from an invoice's page. It needs no API key: its signature (EIP-191, ERC-1271) is the proof. */
export const PayerClaim = z.strictObject({
  tx_hash: Hex32,
  payer: AddressText,
  signature: z.string().regex(/^0x(?:[0-9a-fA-F]{2}){65,4096}$/),
});
export type PayerClaim = z.output<typeof PayerClaim>;

/** Counts the payer's own transfer for the invoice, now or when it arrives. Throws `invoice_not_found` or `claim_invalid`. */
export async function claimByPayer(app: App, invoiceId: string, claim: PayerClaim): Promise<Invoice> {
  await app.store.read((tx) => getInvoice(tx, invoiceId));
  const message = claimText(invoiceId, claim.tx_hash);
  if (!(await hasSigned(app, claim.payer, message, claim.signature as Hex))) throw new BursarError('claim_invalid');
  return app.store.write(async (tx) => {
    const said = { invoiceId, txHash: claim.tx_hash, payer: claim.payer, actor: claim.payer };
    await claimPayment(tx, said, app.clock());
    return getInvoice(tx, invoiceId);
  });
}

async function hasSigned(app: App, address: Address, message: string, signature: Hex): Promise<boolean> {
  try {
    if (isAddressEqual(await recoverMessageAddress({ message, signature }), address)) return true;
  } catch {
    // Not an ECDSA signature; a contract may still accept it.
  }
  return app.chain.run((client) => client.verifyMessage({ address, message, signature }));
}
