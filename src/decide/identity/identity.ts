import type { Address } from 'viem';
import type { AgentId, PayeeId, SponsorId, WorkflowId } from '../../core/ids/ids.ts';

/** The identities of a decision: payer, sponsor, workflow and payee. Their queries and changes are in the files beside this one. */
export type Status = 'active' | 'frozen' | 'revoked';

/** An agent's wallet on one chain. The addresses are known before anything is deployed. */
export type AgentWallet = {
  chainId: number;
  address: Address;
  purse: Address;
  /** The inputs of the address: the factory's WalletConfig as JSON. */
  configJson: string;
  ceilings: Ceilings;
  deployedAtMs: number | null;
};
/** The wallet contract's limits as last read: micro-USDC as text (they may be up to 2^64-1), `allowList` null if it is off. */
export type Ceilings = {
  perPayment: string;
  perPeriod: string;
  periodSeconds: number;
  threshold: number;
  approvers: Address[];
  /** The version of the approvers' list; 1 until the owner sets another. */
  approversVersion?: number;
  allowList: Address[] | null;
};
/** The configuration of a wallet before it is deployed. */
export type WalletPlan = {
  chainId: number;
  address: Address;
  purse: Address;
  salt: string;
  configJson: string;
  ceilings: Ceilings;
};
/** Software that may spend and earn. */
export type Agent = {
  id: AgentId;
  name: string;
  sponsorId: SponsorId;
  status: Status;
  statusReason: string | null;
  labels: Record<string, string>;
  createdAtMs: number;
  wallet: AgentWallet | null;
};

/** The person or team answerable for agents. Inbound USDC from `treasuryAddress` is a deposit. */
export type Sponsor = {
  id: SponsorId;
  name: string;
  status: Status;
  treasuryAddress: Address | null;
  createdAtMs: number;
};

/** The named job on whose behalf a payment is made. */
export type Workflow = { id: WorkflowId; name: string; status: Status; createdAtMs: number };

export const payeeKinds = ['merchant', 'agent', 'contractor', 'internal'] as const;
export type PayeeKind = (typeof payeeKinds)[number];

/** A counterparty. */
export type Payee = {
  id: PayeeId;
  name: string;
  kind: PayeeKind;
  status: 'active' | 'blocked';
  agentId: string | null;
  categories: string[];
  hosts: string[];
  firstSeenAtMs: number;
  addresses: PayeeAddress[];
};

/** `changedAtMs`: when it replaced another address. `retiredAtMs`: when another replaced it. */
export type PayeeAddress = {
  address: Address;
  firstSeenAtMs: number;
  verifiedAtMs: number | null;
  changedAtMs: number | null;
  retiredAtMs: number | null;
};

/** The newest address that is not retired. */
export function currentAddress({ addresses }: { addresses: readonly PayeeAddress[] }): PayeeAddress | null {
  return addresses.findLast(({ retiredAtMs }) => retiredAtMs === null) ?? null;
}
