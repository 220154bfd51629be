import { setTimeout as sleep } from 'node:timers/promises';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { type Client, ProblemError } from '../../api/client/client.ts';
import type { DemoOptions, DemoWorld } from './scenario.ts';

const CREW = 20;
const FUNDING_WAIT_MS = 60_000;
const freshAddress = (): string => privateKeyToAddress(generatePrivateKey());

/** Makes the people, agents and payees of the scenario. The sponsor, the vendor and the workflow are the same in every run. */
export async function prepare(options: DemoOptions): Promise<DemoWorld> {
  const { operator, say } = options;
  say('Preparing sponsor, agents, payees and an approver');
  const sponsor = await ensure(operator, 'create_sponsor', {
    name: 'Research team',
    treasury_address: options.treasury,
  });
  const workflow = await ensure(operator, 'create_workflow', { name: 'paper-digest' });
  await ensure(operator, 'create_approver', {
    name: 'Finance (first approver)',
    address: options.approver.address,
    roles: ['finance'],
  });
  const vendor = await ensure(operator, 'create_agent', { name: 'ocr-vendor', sponsor, labels: { demo: 'vendor' } });
  const { agents } = (await operator.call('list_agents')) as { agents: unknown[] };
  const run = String(agents.length);
  const researcher = await operator.call('create_agent', { name: `researcher-${run}`, sponsor, labels: { demo: run } });
  const key = await operator.call('create_key', { role: 'agent', agent: researcher.id, name: `researcher-${run}` });
  const agent = options.clientFor(String(key.key));
  const vendorKey = await operator.call('create_key', { role: 'agent', agent: vendor, name: `ocr-vendor ${run}` });

  const seller = await options.sellerFor(await walletOf(operator, vendor));
  try {
    return await people({
      options,
      run,
      agent,
      agentKey: String(key.key),
      vendorClient: options.clientFor(String(vendorKey.key)),
      researcher: String(researcher.id),
      vendor,
      workflow,
      seller,
    });
  } catch (error) {
    await seller.stop();
    throw error;
  }
}

type Cast = {
  options: DemoOptions;
  /** Distinguishes the people of one run from those of another. */
  run: string;
  agent: Client;
  agentKey: string;
  vendorClient: Client;
  researcher: string;
  vendor: string;
  workflow: string;
  seller: Awaited<ReturnType<DemoOptions['sellerFor']>>;
};

/** Makes the payees of the scenario, and funds the researcher. */
async function people(cast: Cast): Promise<DemoWorld> {
  const { options, run, agent, agentKey, vendorClient, researcher, vendor, workflow, seller } = cast;
  const { operator, say } = options;
  const vendorPayee = await ensure(operator, 'create_payee', {
    name: 'OCR vendor',
    kind: 'agent',
    agent: vendor,
    categories: ['ocr'],
  });
  await operator.call('update_payee', { id: vendorPayee, hosts: [seller.host] });
  const contractor = await operator.call('create_payee', {
    name: `Grace (proof-reader ${run})`,
    kind: 'contractor',
    categories: ['contractor'],
    address: freshAddress(),
    verified: true,
  });
  // The payees that share the vendor's earnings, by the policy's revenue rule.
  for (const name of ['OCR author', 'OCR studio', 'OCR fund']) {
    const share = { kind: 'contractor', categories: ['contractor'], address: freshAddress(), verified: true };
    await ensure(operator, 'create_payee', { name, ...share });
  }
  const crew = await makeCrew(operator, run);

  say(`Funding researcher-${run} with 100 USDC from the treasury`);
  await options.fund(await walletOf(operator, researcher), '100.00');
  await untilFunded(agent, researcher);
  return {
    agent,
    agentKey,
    vendor: { id: vendor, wallet: await walletOf(operator, vendor), client: vendorClient, payee: vendorPayee },
    workflow,
    contractor: String(contractor.id),
    crew,
    seller,
    changeAddress: async () => {
      await operator.call('add_payee_address', { id: String(contractor.id), address: freshAddress() });
    },
    stop: () => seller.stop(),
  };
}

/** Creates it, or finds the existing one with that name. */
async function ensure(operator: Client, operation: string, input: Record<string, unknown>): Promise<string> {
  try {
    return String((await operator.call(operation, input)).id);
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'conflict') return String(error.details.id ?? '');
    throw error;
  }
}

async function makeCrew(operator: Client, run: string): Promise<{ id: string; addresses: string[] }> {
  const payee = await operator.call('create_payee', {
    name: `Label crew (${run})`,
    kind: 'contractor',
    categories: ['contractor'],
  });
  const id = String(payee.id);
  const addresses = Array.from({ length: CREW }, freshAddress);
  for (const address of addresses) {
    await operator.call('add_payee_address', { id, address, verified: true, replaces: false });
  }
  return { id, addresses };
}

async function walletOf(client: Client, id: string): Promise<string> {
  const agent = await client.call('get_agent', { id });
  return (agent.wallet as { address: string }).address;
}

async function untilFunded(agent: Client, id: string): Promise<void> {
  const until = performance.now() + FUNDING_WAIT_MS;
  while (performance.now() < until) {
    const { balances } = (await agent.call('get_agent', { id })) as { balances: { available: { value: string } } };
    if (balances.available.value !== '0.00') return;
    await sleep(50);
  }
  throw new Error('The funding did not arrive in the books.');
}
