/** Settings and identities: sponsors, agents and their wallets, workflows, payees, approvers, credentials, people. */
export const identity = `
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE sponsors (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  treasury_address TEXT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  sponsor_id TEXT NOT NULL REFERENCES sponsors (id),
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  status_reason TEXT,
  labels_json TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- One wallet per agent and chain. config_json is what the factory's address depends on; ceilings_json what holds on chain now.
CREATE TABLE wallets (
  agent_id TEXT NOT NULL REFERENCES agents (id),
  chain_id INTEGER NOT NULL,
  address TEXT NOT NULL,
  purse_address TEXT NOT NULL,
  salt TEXT NOT NULL,
  config_json TEXT NOT NULL,
  ceilings_json TEXT NOT NULL,
  next_nonce INTEGER NOT NULL DEFAULT 0,
  deployed_at INTEGER,
  PRIMARY KEY (agent_id, chain_id),
  UNIQUE (chain_id, address),
  UNIQUE (chain_id, purse_address)
) STRICT;

CREATE TABLE workflows (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE payees (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('merchant', 'agent', 'contractor', 'internal')),
  status TEXT NOT NULL CHECK (status IN ('active', 'blocked')),
  agent_id TEXT REFERENCES agents (id),
  categories_json TEXT NOT NULL,
  hosts_json TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL
) STRICT;

-- changed_at: when this address took the place of another one of the payee. retired_at: when another took its place.
CREATE TABLE payee_addresses (
  payee_id TEXT NOT NULL REFERENCES payees (id),
  address TEXT NOT NULL,
  -- The place among the payee's addresses, in the order in which they were added.
  position INTEGER NOT NULL,
  first_seen_at INTEGER NOT NULL,
  verified_at INTEGER,
  changed_at INTEGER,
  retired_at INTEGER,
  PRIMARY KEY (payee_id, address)
) STRICT;
CREATE INDEX payee_addresses_by_address ON payee_addresses (address);
CREATE TABLE payee_hosts (
  host TEXT PRIMARY KEY,
  payee_id TEXT NOT NULL REFERENCES payees (id)
) STRICT;

CREATE TABLE approvers (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  address TEXT NOT NULL UNIQUE,
  roles_json TEXT NOT NULL,
  sponsor_id TEXT REFERENCES sponsors (id),
  status TEXT NOT NULL CHECK (status IN ('active', 'revoked')),
  created_at INTEGER NOT NULL,
  -- The e-mail address that ties a person who signs in by OIDC to an approver.
  email TEXT CHECK (email = lower(email))
) STRICT;
CREATE UNIQUE INDEX approvers_by_email ON approvers (email) WHERE status = 'active';

-- secret_hash: sha-256 of a 256-bit random secret, which needs no salt or stretching.
CREATE TABLE credentials (
  id TEXT PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('operator', 'auditor', 'agent')),
  agent_id TEXT REFERENCES agents (id),
  name TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE,
  scopes_json TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  rotated_from TEXT REFERENCES credentials (id),
  CHECK ((role = 'agent') = (agent_id IS NOT NULL))
) STRICT;

-- People who sign in by OIDC. email: only as the provider verified it. role: what the groups gave at the last sign-in.
CREATE TABLE people (
  id TEXT PRIMARY KEY,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  email TEXT CHECK (email = lower(email)),
  role TEXT CHECK (role IN ('operator', 'auditor', 'viewer')),
  status TEXT NOT NULL CHECK (status IN ('active', 'blocked')),
  created_at INTEGER NOT NULL,
  signed_in_at INTEGER NOT NULL,
  UNIQUE (issuer, subject)
) STRICT;

-- Only the sha-256 of the cookie's 256 random bits is kept. groups_json: those of a person that the configuration knew.
CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  approver_id TEXT REFERENCES approvers (id),
  person_id TEXT REFERENCES people (id),
  groups_json TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL CHECK (expires_at > created_at),
  ended_at INTEGER,
  CHECK ((approver_id IS NULL) <> (person_id IS NULL)),
  CHECK ((person_id IS NULL) = (groups_json IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_approver ON sessions (approver_id);
CREATE INDEX sessions_by_person ON sessions (person_id);

-- UTS 39 skeletons of names, so that a name which looks like another is found by one look-up. Derived from the names.
CREATE TABLE name_skeletons (
  -- Names of one kind are compared with each other: agents, approvers, payees, sponsors, workflows.
  kind TEXT NOT NULL,
  skeleton TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (kind, skeleton, id)
) STRICT, WITHOUT ROWID;
`;
