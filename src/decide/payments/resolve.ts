import { type Address, isAddressEqual, zeroAddress } from 'viem';
import type { MeterSubject } from '../../books/meters/places.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Agent, Payee, Sponsor, Workflow } from '../identity/identity.ts';
import { currentAddress, type PayeeAddress } from '../identity/identity.ts';
import type { ChainFacts, PaymentRequest } from './request.ts';

/**
 * The identities that requests name. Each throws where nothing has that name (`agent_not_found` and so on), except the two that give
 * null; `NotRead` where it has not been looked up yet.
 */
export interface Identities {
  agent(idOrName: string): Agent;
  sponsor(id: string): Sponsor;
  workflow(idOrName: string): Workflow;
  payee(idOrName: string): Payee;
  payeeOfAgent(idOrName: string): Payee;
  payeeByHost(host: string): Payee | null;
  payeeByAddress(address: string): Payee | null;
  /** How many payees have the address. */
  ownersOf(address: string): number;
}

export type PayingAgent = Agent & { wallet: NonNullable<Agent['wallet']> };
/** For whom, to whom and on whose behalf a request is. */
export type Facts = {
  agent: PayingAgent;
  sponsor: Sponsor;
  workflow: Workflow | null;
  payee: Payee | null;
  address: Address;
  /** Of the payee's addresses, the one that is paid. */
  held: PayeeAddress | null;
  /** How many payees have the address. */
  owners: number;
  category: string | null;
  subject: MeterSubject;
};

/** Looks up who, for whom, to whom. Throws where the request names what does not exist, or an address that may never be paid. */
export function resolveFacts(identities: Identities, request: PaymentRequest, chain: ChainFacts): Facts {
  const agent = identities.agent(request.agentId);
  if (!hasWallet(agent, chain))
    throw new BursarError('not_configured', { message: 'The agent has no wallet on this chain.' });
  const sponsor = identities.sponsor(agent.sponsorId);
  const workflow = request.workflow ? identities.workflow(request.workflow.ref) : null;
  const payee = resolvePayee(identities, request);
  const address = request.address ?? (payee ? currentAddress(payee)?.address : undefined);
  if (!address) throw new BursarError('payee_address_missing', { details: { payee: payee?.id ?? null } });
  refuseForbidden(address, agent, chain, request.kind === 'top_up');
  const category = request.category ?? payee?.categories[0] ?? null;
  return {
    agent,
    sponsor,
    workflow,
    payee,
    address,
    held: payee?.addresses.find((each) => each.address === address) ?? null,
    owners: identities.ownersOf(address),
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

const hasWallet = (agent: Agent, { chainId }: ChainFacts): agent is PayingAgent => agent.wallet?.chainId === chainId;

/**
 * An x402 seller is identified by its host. Where no payee has the host, the address names one; such a payment is never allowed
 * without people (`isHostKnown`): anybody can ask for payment to an address.
 */
function resolvePayee(identities: Identities, { payee, host, address, kind }: PaymentRequest): Payee | null {
  if (typeof payee === 'string') return identities.payee(payee);
  if (payee) return identities.payeeOfAgent(payee.agent);
  if (kind === 'top_up') return null;
  const byHost = host ? identities.payeeByHost(host) : null;
  return byHost ?? (address ? identities.payeeByAddress(address) : null);
}

/** Whether the host that asks is the payee's. True where there is no host, or no payee whose it could be. */
export const isHostKnown = (host: string | null, payee: Payee | null): boolean =>
  host === null || payee === null || payee.hosts.includes(host);

function refuseForbidden(address: Address, agent: PayingAgent, chain: ChainFacts, isTopUp: boolean): void {
  const own = isAddressEqual(address, agent.wallet.address) || isAddressEqual(address, agent.wallet.purse);
  const toPurse = isTopUp && isAddressEqual(address, agent.wallet.purse);
  if (isAddressEqual(address, zeroAddress) || isAddressEqual(address, chain.token) || (own && !toPurse)) {
    throw new BursarError('forbidden_address', { details: { address } });
  }
}
