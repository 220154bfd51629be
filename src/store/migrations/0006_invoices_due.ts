/** A transfer is looked for among the invoices that still ask for something, however many were paid before. */
export const invoicesDue = `
DROP INDEX invoices_by_address;
CREATE INDEX invoices_due ON invoices (address, id) WHERE cancelled_at IS NULL AND received_micro < amount_micro * max_uses;
`;
