/** Payees that the chain told to be on a wallet's allow-list, once: the contract answers for one address and cannot list them. */
export const allowListSeen = `
CREATE TABLE allow_list_seen (
  agent_id TEXT NOT NULL REFERENCES agents (id),
  chain_id INTEGER NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (agent_id, chain_id, address)
) STRICT, WITHOUT ROWID;
`;
