/** Which server does what only one may do: see `src/store/leases`. */
export const leases = `
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  -- A server process; null: nobody.
  holder TEXT,
  -- Grows with each change of holder, and never falls.
  fence INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  -- Another server that asks for it, and since when.
  claimed_by TEXT,
  claimed_at INTEGER
) STRICT;
`;
