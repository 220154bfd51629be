import type { Address } from 'viem';
import type { DefaultInteger, Integer, OptionalInteger, Stored } from './columns.ts';

interface Settings {
  name: string;
  value: string;
}

interface IdentityEpoch {
  id: DefaultInteger;
  epoch: Integer;
}

interface Sponsors {
  id: string;
  name: string;
  status: 'active' | 'frozen' | 'revoked';
  treasury_address: string | null;
  created_at: Integer;
}

interface Agents {
  id: string;
  name: string;
  sponsor_id: string;
  status: 'active' | 'frozen' | 'revoked';
  status_reason: string | null;
  labels_json: string;
  created_at: Integer;
}

interface Wallets {
  agent_id: string;
  chain_id: Integer;
  address: Stored<Address>;
  purse_address: Stored<Address>;
  salt: string;
  config_json: string;
  ceilings_json: string;
  next_nonce: DefaultInteger;
  deployed_at: OptionalInteger;
}

interface Workflows {
  id: string;
  name: string;
  status: 'active' | 'frozen' | 'revoked';
  created_at: Integer;
}

interface Payees {
  id: string;
  name: string;
  kind: 'merchant' | 'agent' | 'contractor' | 'internal';
  status: 'active' | 'blocked';
  agent_id: string | null;
  categories_json: string;
  hosts_json: string;
  first_seen_at: Integer;
}

interface PayeeAddresses {
  payee_id: string;
  address: string;
  position: Integer;
  first_seen_at: Integer;
  verified_at: OptionalInteger;
  changed_at: OptionalInteger;
  retired_at: OptionalInteger;
}

interface PayeeHosts {
  host: string;
  payee_id: string;
}

interface Approvers {
  id: string;
  name: string;
  address: string;
  roles_json: string;
  sponsor_id: string | null;
  status: 'active' | 'revoked';
  created_at: Integer;
  email: string | null;
}

interface Credentials {
  id: string;
  role: 'operator' | 'auditor' | 'agent';
  agent_id: string | null;
  name: string;
  secret_hash: string;
  scopes_json: string;
  created_at: Integer;
  expires_at: OptionalInteger;
  revoked_at: OptionalInteger;
  rotated_from: string | null;
}

interface People {
  id: string;
  issuer: string;
  subject: string;
  name: string;
  email: string | null;
  role: 'operator' | 'auditor' | 'viewer' | null;
  status: 'active' | 'blocked';
  created_at: Integer;
  signed_in_at: Integer;
}

interface Sessions {
  token_hash: string;
  approver_id: string | null;
  person_id: string | null;
  groups_json: string | null;
  created_at: Integer;
  expires_at: Integer;
  ended_at: OptionalInteger;
}

interface NameSkeletons {
  kind: string;
  skeleton: string;
  id: string;
  name: string;
}

/** Identities: agents, wallets, payees, approvers, credentials, people. */
export interface IdentityTables {
  settings: Settings;
  identity_epoch: IdentityEpoch;
  sponsors: Sponsors;
  agents: Agents;
  wallets: Wallets;
  workflows: Workflows;
  payees: Payees;
  payee_addresses: PayeeAddresses;
  payee_hosts: PayeeHosts;
  approvers: Approvers;
  credentials: Credentials;
  people: People;
  sessions: Sessions;
  name_skeletons: NameSkeletons;
}
