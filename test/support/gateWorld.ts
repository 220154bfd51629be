import { getAddress } from 'viem';
import { agentAccount, externalAccount, post } from '../../src/books/ledger/journal.ts';
import { walletConfig, walletConfigToJson } from '../../src/chain/contracts/walletConfig.ts';
import { newId } from '../../src/core/ids/ids.ts';
import { microUsdc, parseUsdc } from '../../src/core/money/microUsdc.ts';
import { createAgent } from '../../src/decide/identity/agents.ts';
import type { Agent, Payee, Sponsor, Workflow } from '../../src/decide/identity/identity.ts';
import { createPayee } from '../../src/decide/identity/payees.ts';
import { createSponsor } from '../../src/decide/identity/sponsors.ts';
import { createWorkflow } from '../../src/decide/identity/workflows.ts';
import type { GateContext } from '../../src/decide/payments/gate.ts';
import type { ChainFacts, PaymentRequest } from '../../src/decide/payments/request.ts';
import { loadPolicy } from '../../src/decide/policy/loadPolicy.ts';
import type { Policy } from '../../src/decide/policy/policy.ts';
import { readStarterBundle } from '../../src/decide/policy/starter.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../../src/store/testing/openTestStore.ts';

/** 24 November 2026, a Tuesday, 12:00 UTC. */
export const NOON_MS = Date.UTC(2026, 10, 24, 12);
export const chain: ChainFacts = {
  chainId: 31_337,
  network: 'eip155:31337',
  token: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
  factory: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512',
};
export const numbered = (n: number) => getAddress(`0x${n.toString(16).padStart(40, '0')}`);

/** Who may do what with every wallet of this world. */
const roles = { owner: numbered(1), guardian: numbered(2), executor: numbered(3) };

export type GateWorld = {
  store: Store;
  policy: Policy;
  sponsor: Sponsor;
  agent: Agent;
  workflow: Workflow;
  payee: Payee;
  context: (changes?: Partial<GateContext>) => GateContext;
  request: (changes?: Partial<PaymentRequest>) => PaymentRequest;
  addAgent: (name: string, fundsUsdc: string, perPaymentUsdc?: string, threshold?: number) => Promise<Agent>;
};

let starter: Promise<Policy> | null = null;

/** A real store in memory, the shipped starter policy, one agent with 1,000 USDC and one verified payee. */
export async function gateWorld(policy?: Policy, path = ':memory:'): Promise<GateWorld> {
  starter ??= readStarterBundle().then((text) => loadPolicy(text));
  const chosen = policy ?? (await starter);
  const store = await openTestStore(path);
  const act = { actor: 'test', atMs: NOON_MS - 86_400_000 };
  let count = 0;
  const { sponsor, workflow, payee } = await store.write(async (tx) => ({
    sponsor: await createSponsor(tx, act, { name: 'Research', treasuryAddress: null }),
    workflow: await createWorkflow(tx, act, { name: 'digest' }),
    payee: await createPayee(tx, act, {
      name: 'Grace',
      kind: 'contractor',
      agentId: null,
      categories: ['contractor'],
      hosts: ['grace.example'],
      addresses: [{ address: numbered(0xc0ffee), verified: true }],
    }),
  }));
  const addAgent: GateWorld['addAgent'] = (name, fundsUsdc, perPaymentUsdc = '1000', threshold = 1) => {
    count += 1;
    const id = newId('agent');
    const wallet = {
      chainId: chain.chainId,
      address: numbered(0xa0000 + count),
      purse: numbered(0xb0000 + count),
      salt: '0x',
      configJson: walletConfigToJson(walletConfig({ agentId: id, ...roles })),
      ceilings: {
        perPayment: parseUsdc(perPaymentUsdc).toString(),
        perPeriod: parseUsdc('5000').toString(),
        periodSeconds: 86_400,
        threshold,
        approvers: [numbered(0xa9)],
        allowList: null,
      },
    };
    return store.write(async (tx) => {
      const agent = await createAgent(tx, act, { id, name, sponsor: sponsor.id, labels: {}, wallet });
      const funds = parseUsdc(fundsUsdc);
      if (funds > 0n) {
        await post(tx, {
          kind: 'deposit',
          atMs: act.atMs,
          lines: [
            [externalAccount(numbered(1)), -funds],
            [agentAccount(id, 'available'), funds],
          ],
        });
      }
      return agent;
    });
  };
  const agent = await addAgent('researcher', '1000');
  return {
    store,
    policy: chosen,
    sponsor,
    agent,
    workflow,
    payee,
    addAgent,
    context: (changes = {}) => ({ policy: chosen, chain, actor: 'key_test', atMs: NOON_MS, ...changes }),
    request: (changes = {}) => ({
      agentId: agent.id,
      idempotencyKey: `key-${newId('batch')}`,
      bodyHash: 'body',
      requestJson: '{}',
      kind: 'payout',
      amount: microUsdc(1_000_000n),
      payee: payee.id,
      address: null,
      workflow: { ref: workflow.id, run: 'run-1' },
      category: null,
      memo: null,
      refundOf: null,
      batchId: null,
      rail: 'wallet',
      host: null,
      x402: null,
      ...changes,
    }),
  };
}
