/** Which server does what only one may do: see `src/store/leases`. */
export const leases = `
CREATE TABLE leases (
  name text COLLATE "C" PRIMARY KEY,
  -- A server process; null: nobody.
  holder text COLLATE "C",
  -- Grows with each change of holder, and never falls.
  fence bigint NOT NULL,
  expires_at bigint NOT NULL,
  -- Another server that asks for it, and since when.
  claimed_by text COLLATE "C",
  claimed_at bigint
);
`;
