/** The wallet's epoch in which a purse authorization was signed: it is part of the EIP-3009 nonce. */
export const epochs = `
ALTER TABLE x402_authorizations ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
`;
