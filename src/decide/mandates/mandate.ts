import type { AgentId, Id } from '../../core/ids/ids.ts';
import type { MandateTerms, MandateUse } from './terms.ts';

export type MandateId = Id<'mandate'>;
export type MandateStatus = 'requested' | 'active' | 'declined' | 'revoked';
/** A person's standing, bounded pre-approval. */
export type Mandate = {
  id: MandateId;
  agentId: AgentId;
  status: MandateStatus;
  terms: MandateTerms;
  reason: string;
  requestedBy: string;
  requestedAtMs: number;
  signers: {
    approver: string;
    address: string;
    name: string;
    roles: string[];
    sponsorId: string | null;
    signedAtMs: number;
  }[];
};
/** An active mandate with what was paid under it so far, holds included. */
export type MandateInForce = Mandate & { use: MandateUse };
