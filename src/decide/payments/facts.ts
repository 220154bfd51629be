import { type Address, isAddressEqual, zeroAddress } from 'viem';
import { zonedTime } from '../../books/meters/calendar.ts';
import { type MeterSubject, readMeters } from '../../books/meters/meters.ts';
import { BursarError } from '../../core/errors/base.ts';
import { factOf } from '../../store/memory.ts';
import type { ReadTx } from '../../store/store.ts';
import { type Agent, getAgent } from '../identity/agents.ts';
import {
  currentAddress,
  findPayeeByAddress,
  findPayeeByHost,
  getPayee,
  getPayeeOfAgent,
  type Payee,
} from '../identity/payees.ts';
import { getSponsor, type Sponsor } from '../identity/sponsors.ts';
import { getWorkflow, type Workflow } from '../identity/workflows.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { Policy } from '../policy/policy.ts';
import { ownersOfAddress } from './decisionQueries.ts';
import { fundsOf } from './funds.ts';
import { hostSubject, noHistory, readHistory } from './history.ts';
import type { ChainFacts, PaymentRequest } from './request.ts';

/** Everything a decision rests on, read inside one transaction. */
export type Facts = {
  agent: Agent & { wallet: NonNullable<Agent['wallet']> };
  sponsor: Sponsor;
  workflow: Workflow | null;
  payee: Payee | null;
  address: Address;
  category: string | null;
  subject: MeterSubject;
};
export type ApprovalFact = PolicyInput['approvals'][number];

/** Looks up who, for whom, to whom. Throws where the request names what does not exist, or an address that may never be paid. */
export function resolveFacts(tx: ReadTx, request: PaymentRequest, chain: ChainFacts): Facts {
  const agent = factOf(tx, 'agent', request.agentId, () => getAgent(tx, request.agentId));
  if (!agent.wallet) throw new BursarError('not_configured', { message: 'The agent has no wallet on this chain.' });
  const sponsor = factOf(tx, 'sponsor', agent.sponsorId, () => getSponsor(tx, agent.sponsorId));
  const job = request.workflow?.ref;
  const workflow = job === undefined ? null : factOf(tx, 'workflow', job, () => getWorkflow(tx, job));
  const payee = resolvePayee(tx, request);
  const address = request.address ?? (payee ? currentAddress(payee)?.address : undefined);
  if (!address) throw new BursarError('payee_address_missing', { details: { payee: payee?.id ?? null } });
  refuseForbidden(address, { ...agent, wallet: agent.wallet }, chain, request.kind === 'top_up');
  const category = request.category ?? payee?.categories[0] ?? null;
  return {
    agent: { ...agent, wallet: agent.wallet },
    sponsor,
    workflow,
    payee,
    address,
    category,
    subject: {
      agent: agent.id,
      sponsor: sponsor.id,
      workflow: workflow?.id ?? null,
      payee: payee?.id ?? null,
      address,
      category,
      kind: request.kind,
      asset: 'USDC',
      network: chain.network,
      host: request.host,
    },
  };
}

/**
 * An x402 seller is who its host says. Where no payee has the host, the address names one; such a payment is never allowed without
 * people (`isHostKnown`): anybody can ask for payment to an address.
 */
function resolvePayee(tx: ReadTx, request: PaymentRequest): Payee | null {
  const { payee, host, address } = request;
  if (typeof payee === 'string') return factOf(tx, 'payee', payee, () => getPayee(tx, payee));
  if (payee) return factOf(tx, 'payeeOfAgent', payee.agent, () => getPayeeOfAgent(tx, payee.agent));
  if (request.kind === 'top_up') return null;
  const byHost = host ? factOf(tx, 'payeeByHost', host, () => findPayeeByHost(tx, host)) : null;
  if (byHost) return byHost;
  return address ? factOf(tx, 'payeeByAddress', address, () => findPayeeByAddress(tx, address)) : null;
}

/** Whether the host that asks is the payee's. True where there is no host, or no payee whose it could be. */
export const isHostKnown = (host: string | null, payee: Payee | null): boolean =>
  host === null || payee === null || payee.hosts.includes(host);

function refuseForbidden(address: Address, agent: Facts['agent'], chain: ChainFacts, isTopUp: boolean): void {
  const own = isAddressEqual(address, agent.wallet.address) || isAddressEqual(address, agent.wallet.purse);
  const toPurse = isTopUp && isAddressEqual(address, agent.wallet.purse);
  if (isAddressEqual(address, zeroAddress) || isAddressEqual(address, chain.token) || (own && !toPurse)) {
    throw new BursarError('forbidden_address', { details: { address } });
  }
}

/**
 * `without`: a payment counted already that is decided again; `previous`: the hash of its decision before. `mandate`: the standing
 * approval it may go under.
 */
export type Beside = { without?: string | null; previous?: string | null; mandate?: PolicyInput['mandate'] };

/** The policy's input document at `atMs`. Key order is fixed: the same facts give the same text, and so the same hash. */
export function inputOf(
  tx: ReadTx,
  policy: Policy,
  request: PaymentRequest,
  facts: Facts,
  chain: ChainFacts,
  approvals: ApprovalFact[],
  atMs: number,
  beside: Beside = {},
): PolicyInput {
  const { agent, sponsor, workflow, payee, address } = facts;
  const held = payee?.addresses.find((each) => each.address === address) ?? null;
  const payeeHistory = payee ? readHistory(tx, agent.id, payee.id) : null;
  const addressHistory = readHistory(tx, agent.id, address);
  const hostHistory = request.host ? readHistory(tx, agent.id, hostSubject(request.host)) : null;
  const owners = factOf(tx, 'ownersOfAddress', address, () => Number(tx.get(ownersOfAddress, { address })?.n ?? 0n));
  return {
    time: zonedTime(atMs, policy.settings.timezone),
    agent: {
      id: agent.id,
      name: agent.name,
      status: agent.status,
      labels: agent.labels,
      wallet: agent.wallet.address,
    },
    sponsor: { id: sponsor.id, name: sponsor.name, status: sponsor.status },
    workflow: workflow && {
      id: workflow.id,
      name: workflow.name,
      status: workflow.status,
      run: request.workflow?.run ?? null,
    },
    payee: payee && {
      id: payee.id,
      name: payee.name,
      kind: payee.kind,
      status: payee.status,
      categories: payee.categories,
      hosts: payee.hosts,
      first_seen_at: payee.firstSeenAtMs,
    },
    destination: {
      address,
      known: held !== null && held.retiredAtMs === null,
      first_seen_at: held?.firstSeenAtMs ?? null,
      verified_at: held?.verifiedAtMs ?? null,
      changed_at: held?.changedAtMs ?? null,
      retired: held !== null && held.retiredAtMs !== null,
      payee_count: owners,
    },
    payment: {
      kind: request.kind,
      amount: Number(request.amount),
      asset: 'USDC',
      network: chain.network,
      rail: request.rail,
      category: facts.category,
      host: request.host,
      recurring: request.kind === 'recurring',
      refund_of: request.refundOf,
      x402: request.x402,
    },
    history: {
      payee: withoutAddress(payeeHistory),
      address: withoutAddress(addressHistory),
      host_last_address: hostHistory?.last_address ?? null,
    },
    funds: fundsOf(tx, agent.id, beside.without ?? null),
    previous: beside.previous ?? null,
    approvals,
    mandate: beside.mandate ?? null,
    meters: readMeters(tx, policy.meters, facts.subject, atMs, beside.without ?? null),
  };
}

function withoutAddress(seeded: ReturnType<typeof readHistory>): PolicyInput['history']['payee'] {
  if (!seeded) return noHistory;
  const { settled_count, last_amount, max_amount, last_at } = seeded;
  return { settled_count, last_amount, max_amount, last_at };
}
