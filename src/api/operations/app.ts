import type { Address } from 'viem';
import type { EventLog } from '../../chain/anchors/eventLog.ts';
import type { Recovery, RequestedRecovery } from '../../chain/follow/recover.ts';
import type { Chain } from '../../chain/node/chain.ts';
import type { AgentId } from '../../core/ids/ids.ts';
import type { Agent, WalletPlan } from '../../decide/identity/identity.ts';
import type { Gate } from '../../decide/payments/gateQueue.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { Activations } from '../../decide/policy-versions/activations.ts';
import type { InvoiceResource } from '../../earn/invoices/x402Resource.ts';
import type { Fetcher } from '../../spend/x402/fetcher.ts';
import type { Store } from '../../store/store.ts';
import type { X402Signer } from './payments/x402Signer.ts';

/** Ceilings requested for a new wallet, micro-USDC; absent ones are the server's defaults. */
export type RequestedWallet = { perPayment?: bigint | undefined; perPeriod?: bigint | undefined };

/** Everything that operations use. One composition root makes it. */
export type App = {
  store: Store;
  /** Where requests are decided, many to a commit. */
  gate: Gate;
  /** Epoch ms. */
  clock: () => number;
  chain: Chain;
  chainFacts: ChainFacts;
  policies: Activations;
  x402: X402Signer;
  /** The x402 side of invoices; null if no facilitator is on. */
  invoices: InvoiceResource | null;
  /** HTTP requests on behalf of agents, guarded. */
  fetcher: Fetcher;
  planWallet: (agentId: AgentId, requested: RequestedWallet) => WalletPlan;
  /** Reads the chain again from a block on; see `chain/follow/recover.ts`. */
  recoverChain: (requested: RequestedRecovery) => Promise<Recovery>;
  /** Tells whether payments can be decided now. */
  readiness: () => Promise<{ ready: boolean; checks: { name: string; ok: boolean; detail: string }[] }>;
  /** Aborted when the server begins to stop: requests in flight are finished, streams end. */
  stopping: AbortSignal;
  checkLedger: () => Promise<{ ok: boolean; checks: { name: string; ok: boolean; detail: string }[] }>;
  /** Heads, proofs and anchors of the event log; null if no key signs heads. */
  eventLog: EventLog | null;
  /** Queues the wallet's deployment; resolves when it is queued. For owners who do not want to wait for the first payment. */
  deployWallet: (agent: Agent) => Promise<void>;
  /** Tells the workers that there is work; they also poll. */
  wake: () => void;
  /** The senders of the relayer here: executor, and owner and guardian if their keys are available. */
  senders: readonly Address[];
  addresses: { factory: Address; registry: Address | null; executor: Address };
  version: string;
};
