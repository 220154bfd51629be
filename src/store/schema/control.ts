import type { DefaultInteger, Integer, OptionalInteger } from './columns.ts';

interface Alerts {
  id: DefaultInteger;
  type: string;
  agent_id: string | null;
  body_json: string;
  raised_at: Integer;
  resolved_at: OptionalInteger;
}

interface Stops {
  id: DefaultInteger;
  agent_id: string;
  reason: string;
  actor: string;
  server_json: string;
  chain_json: string | null;
  started_at: Integer;
  frozen_at: OptionalInteger;
  safe_at: OptionalInteger;
  ended_at: OptionalInteger;
}

interface NoticeEndpoints {
  id: string;
  kind: 'webhook' | 'chat' | 'email';
  target: string;
  events_json: string;
  secret: string | null;
  template: string | null;
  inside: Integer;
  status: 'active' | 'removed';
  created_at: Integer;
}

interface Notices {
  id: string;
  endpoint_id: string;
  event_seq: Integer;
  state: 'pending' | 'delivered' | 'dead';
  attempts: DefaultInteger;
  next_at: Integer;
  last_error: string | null;
  delivered_at: OptionalInteger;
}

interface LeaseRows {
  name: string;
  holder: string | null;
  fence: Integer;
  expires_at: Integer;
  claimed_by: string | null;
  claimed_at: OptionalInteger;
}

interface ServerSecrets {
  name: string;
  value: string;
}

interface SignInUses {
  id: string;
  expires_at: Integer;
}

/** Alerts, stops and notices; and what servers share: leases, a secret, and what was used to sign in. */
export interface ControlTables {
  alerts: Alerts;
  stops: Stops;
  notice_endpoints: NoticeEndpoints;
  notices: Notices;
  leases: LeaseRows;
  server_secrets: ServerSecrets;
  sign_in_uses: SignInUses;
}
