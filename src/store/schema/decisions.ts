import type { DefaultInteger, Integer, OptionalInteger } from './columns.ts';

interface PolicyBundles {
  digest: string;
  bundle: string;
  note: string;
  loaded_at: Integer;
}

interface PolicyActivations {
  seq: DefaultInteger;
  digest: string;
  kind: 'activate' | 'rollback';
  actor: string;
  activated_at: Integer;
}

interface Decisions {
  seq: DefaultInteger;
  payment_id: string;
  hash: string;
  policy_digest: string;
  effect: 'allow' | 'deny' | 'review';
  decided_at: Integer;
  result_json: string;
  input_json: string;
}

interface PolicyShadows {
  seq: DefaultInteger;
  digest: string;
  meters_json: string;
  started_by: string;
  started_at: Integer;
  ended_at: OptionalInteger;
  ended_by: string | null;
  end_reason: string | null;
}

interface PolicyShadowCounts {
  shadow: Integer;
  active_effect: 'allow' | 'deny' | 'review';
  shadow_effect: 'allow' | 'deny' | 'review';
  is_same: Integer;
  count: Integer;
  amount_micro: Integer;
}

interface PolicyDifferences {
  seq: DefaultInteger;
  shadow: Integer;
  payment_id: string;
  at: Integer;
  amount_micro: Integer;
  active_digest: string;
  active_effect: 'allow' | 'deny' | 'review';
  active_reasons_json: string;
  active_review_json: string | null;
  shadow_effect: 'allow' | 'deny' | 'review';
  shadow_reasons_json: string;
  shadow_review_json: string | null;
  failure: string | null;
}

interface Mandates {
  id: string;
  agent_id: string;
  status: 'requested' | 'active' | 'declined' | 'revoked';
  terms_json: string;
  reason: string;
  requested_by: string;
  requested_at: Integer;
  not_before: Integer;
  expires_at: Integer;
  ended_at: OptionalInteger;
}

interface MandateSignatures {
  mandate_id: string;
  approver_id: string;
  signature: string;
  typed_data_json: string;
  signed_at: Integer;
}

interface Schedules {
  id: string;
  agent_id: string;
  status: 'active' | 'paused' | 'ended';
  name: string;
  request_json: string;
  rrule: string;
  zone: string;
  starts_at: Integer;
  pay_within_ms: Integer;
  next_at: OptionalInteger;
  created_by: string;
  created_at: Integer;
}

interface Occurrences {
  schedule_id: string;
  due_at: Integer;
  outcome: 'asked' | 'skipped' | 'refused';
  payment_id: string | null;
  detail: string | null;
  handled_at: Integer;
}

/** Policies, decisions, mandates and schedules. */
export interface DecisionsTables {
  policy_bundles: PolicyBundles;
  policy_activations: PolicyActivations;
  decisions: Decisions;
  policy_shadows: PolicyShadows;
  policy_shadow_counts: PolicyShadowCounts;
  policy_differences: PolicyDifferences;
  mandates: Mandates;
  mandate_signatures: MandateSignatures;
  schedules: Schedules;
  occurrences: Occurrences;
}
