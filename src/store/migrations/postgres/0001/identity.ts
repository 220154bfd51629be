/** Settings and identities: sponsors, agents and their wallets, workflows, payees, approvers, credentials, people. */
export const identity = `
CREATE TABLE settings (
  name text COLLATE "C" PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);

CREATE TABLE sponsors (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  treasury_address text COLLATE "C",
  created_at bigint NOT NULL
);

CREATE TABLE agents (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  sponsor_id text COLLATE "C" NOT NULL REFERENCES sponsors (id),
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  status_reason text COLLATE "C",
  labels_json text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL
);

-- One wallet per agent and chain. config_json is what the factory's address depends on; ceilings_json what holds on chain now.
CREATE TABLE wallets (
  agent_id text COLLATE "C" NOT NULL REFERENCES agents (id),
  chain_id bigint NOT NULL,
  address text COLLATE "C" NOT NULL,
  purse_address text COLLATE "C" NOT NULL,
  salt text COLLATE "C" NOT NULL,
  config_json text COLLATE "C" NOT NULL,
  ceilings_json text COLLATE "C" NOT NULL,
  next_nonce bigint NOT NULL DEFAULT 0,
  deployed_at bigint,
  PRIMARY KEY (agent_id, chain_id),
  UNIQUE (chain_id, address),
  UNIQUE (chain_id, purse_address)
) WITH (fillfactor = 50);

CREATE TABLE workflows (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'frozen', 'revoked')),
  created_at bigint NOT NULL
);

CREATE TABLE payees (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('merchant', 'agent', 'contractor', 'internal')),
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'blocked')),
  agent_id text COLLATE "C" REFERENCES agents (id),
  categories_json text COLLATE "C" NOT NULL,
  hosts_json text COLLATE "C" NOT NULL,
  first_seen_at bigint NOT NULL
);

-- changed_at: when this address took the place of another one of the payee. retired_at: when another took its place.
CREATE TABLE payee_addresses (
  payee_id text COLLATE "C" NOT NULL REFERENCES payees (id),
  address text COLLATE "C" NOT NULL,
  -- The place among the payee's addresses, in the order in which they were added.
  position bigint NOT NULL,
  first_seen_at bigint NOT NULL,
  verified_at bigint,
  changed_at bigint,
  retired_at bigint,
  PRIMARY KEY (payee_id, address)
);
CREATE INDEX payee_addresses_by_address ON payee_addresses (address);
CREATE TABLE payee_hosts (
  host text COLLATE "C" PRIMARY KEY,
  payee_id text COLLATE "C" NOT NULL REFERENCES payees (id)
);

CREATE TABLE approvers (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  address text COLLATE "C" NOT NULL UNIQUE,
  roles_json text COLLATE "C" NOT NULL,
  sponsor_id text COLLATE "C" REFERENCES sponsors (id),
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'revoked')),
  created_at bigint NOT NULL,
  -- The e-mail address that ties a person who signs in by OIDC to an approver.
  email text COLLATE "C" CHECK (email = lower(email))
);
CREATE UNIQUE INDEX approvers_by_email ON approvers (email) WHERE status = 'active';

-- secret_hash: sha-256 of a 256-bit random secret, which needs no salt or stretching.
CREATE TABLE credentials (
  id text COLLATE "C" PRIMARY KEY,
  role text COLLATE "C" NOT NULL CHECK (role IN ('operator', 'auditor', 'agent')),
  agent_id text COLLATE "C" REFERENCES agents (id),
  name text COLLATE "C" NOT NULL,
  secret_hash text COLLATE "C" NOT NULL UNIQUE,
  scopes_json text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint,
  rotated_from text COLLATE "C" REFERENCES credentials (id),
  CHECK ((role = 'agent') = (agent_id IS NOT NULL))
);

-- People who sign in by OIDC. email: only as the provider verified it. role: what the groups gave at the last sign-in.
CREATE TABLE people (
  id text COLLATE "C" PRIMARY KEY,
  issuer text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  email text COLLATE "C" CHECK (email = lower(email)),
  role text COLLATE "C" CHECK (role IN ('operator', 'auditor', 'viewer')),
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'blocked')),
  created_at bigint NOT NULL,
  signed_in_at bigint NOT NULL,
  UNIQUE (issuer, subject)
);

-- Only the sha-256 of the cookie's 256 random bits is kept. groups_json: those of a person that the configuration knew.
CREATE TABLE sessions (
  token_hash text COLLATE "C" PRIMARY KEY,
  approver_id text COLLATE "C" REFERENCES approvers (id),
  person_id text COLLATE "C" REFERENCES people (id),
  groups_json text COLLATE "C",
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL CHECK (expires_at > created_at),
  ended_at bigint,
  CHECK ((approver_id IS NULL) <> (person_id IS NULL)),
  CHECK ((person_id IS NULL) = (groups_json IS NULL))
);
CREATE INDEX sessions_by_approver ON sessions (approver_id);
CREATE INDEX sessions_by_person ON sessions (person_id);

-- UTS 39 skeletons of names, so that a name which looks like another is found by one look-up. Derived from the names.
CREATE TABLE name_skeletons (
  -- Names of one kind are compared with each other: agents, approvers, payees, sponsors, workflows.
  kind text COLLATE "C" NOT NULL,
  skeleton text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  PRIMARY KEY (kind, skeleton, id)
);
`;
