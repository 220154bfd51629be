import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getAddress, keccak256, toHex } from 'viem';
import { stringify } from 'yaml';
import { devAccounts } from '../src/app/local-chain/accounts.ts';
import { agentAccount, externalAccount, post } from '../src/books/ledger/journal.ts';
import { walletConfig } from '../src/chain/contracts/walletConfig.ts';
import { walletPlan } from '../src/chain/contracts/walletPlan.ts';
import { newId } from '../src/core/ids/ids.ts';
import { mapInOrder } from '../src/core/inOrder.ts';
import { createAgent } from '../src/decide/identity/agents.ts';
import { createCredential } from '../src/decide/identity/credentials.ts';
import type { Agent, Payee, WalletPlan } from '../src/decide/identity/identity.ts';
import { createPayee } from '../src/decide/identity/payees.ts';
import { createSponsor } from '../src/decide/identity/sponsors.ts';
import { createWorkflow } from '../src/decide/identity/workflows.ts';
import type { ChainFacts } from '../src/decide/payments/request.ts';
import { DATA_FILE, parseData, readBundle, withAmounts, writeBundle } from '../src/decide/policy/bundle.ts';
import { readStarterBundle } from '../src/decide/policy/starter.ts';
import { openStore, type Store } from '../src/store/store.ts';

export const AGENTS = 100;
export const PAYEES = 50;
/** A Wednesday. The benches' own time runs from here, so that windows and their edges are the same in each run. */
export const START_MS = Date.UTC(2026, 6, 15, 9);
export const TOKEN = getAddress('0x00000000000000000000000000000000000a11ce');
export const chainFacts: ChainFacts = {
  chainId: 31_337,
  token: TOKEN,
  factory: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512',
  network: 'eip155:31337',
};

/** Everyone who takes part, with money: what a server looks like before its first payment. */
export type World = { agents: { agent: Agent; key: string }[]; payees: Payee[] };

const EACH_MICRO = 100_000_000_000_000n;
const categories = ['ocr', 'translation', 'data', 'compute', 'software'];

/** Fills an empty store: 1 sponsor, 100 agents with a key, a wallet and money each, 50 verified payees, a workflow. */
export async function populate(store: Store, atMs: number): Promise<World> {
  const act = { actor: 'bursar', atMs };
  return await store.write(async (tx) => {
    const sponsor = await createSponsor(tx, act, { name: 'research', treasuryAddress: null });
    await createWorkflow(tx, act, { name: 'digitise' });
    const agents = await mapInOrder(Array.from({ length: AGENTS }), async (_, index) => {
      const id = newId('agent');
      const agent = await createAgent(tx, act, {
        id,
        name: `agent-${index}`,
        sponsor: sponsor.id,
        labels: { team: index % 2 === 0 ? 'search' : 'archive' },
        wallet: planWallet(id),
      });
      await post(tx, {
        kind: 'deposit',
        atMs,
        lines: [
          [externalAccount(addressOf('treasury')), -EACH_MICRO],
          [agentAccount(id, 'available'), EACH_MICRO],
        ],
      });
      return {
        agent,
        key: (await createCredential(tx, act, { role: 'agent', agentId: id, name: `key-${index}` })).key,
      };
    });
    const payees = await mapInOrder(Array.from({ length: PAYEES }), (_, index) =>
      createPayee(tx, act, {
        name: `vendor-${index}`,
        kind: 'merchant',
        agentId: null,
        categories: [categories[index % categories.length] ?? 'data'],
        hosts: [`vendor-${index}.example`],
        addresses: [{ address: addressOf(`vendor-${index}`), verified: true }],
      }),
    );
    return { agents, payees };
  });
}

function planWallet(agentId: Agent['id']): WalletPlan {
  const [, factory, owner, guardian, executor] = devAccounts.map((account) => account.address);
  if (!factory || !owner || !guardian || !executor) throw new Error('There are ten accounts.');
  const config = walletConfig({ agentId, owner, guardian, executor });
  return walletPlan(chainFacts.chainId, factory, config);
}

const addressOf = (name: string) => getAddress(`0x${keccak256(toHex(name)).slice(26)}`);

/**
 * The starter policy with its sums and counts raised, so that thousands of payments an agent all pass: a denial writes less
 * than a payment. The WebAssembly is the committed one: limits are data.
 */
export async function wideStarterBundle(): Promise<string> {
  const { bundle } = readBundle(await readStarterBundle());
  const data = parseData(bundle.files[DATA_FILE] ?? '');
  if (!data) throw new Error('The starter bundle has no data.');
  const controls = data.controls as Record<string, Record<string, unknown>>;
  for (const name of ['agent_daily', 'agent_monthly', 'payee_limit']) {
    controls[name] = { ...controls[name], limit: '1000000000.00' };
  }
  controls.velocity = { ...controls.velocity, limit: 1_000_000_000 };
  const byCategory = Object.fromEntries(categories.map((category) => [category, '1000000000.00']));
  controls.category_limit = { ...controls.category_limit, categories: byCategory };
  const files = { ...bundle.files, [DATA_FILE]: stringify(data) };
  return writeBundle({ ...bundle, files, data: withAmounts(data) });
}

/** A folder under the system's temporary one for as long as `use` runs. */
export async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bursar-bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes a database file with such a world in it, to be copied for each round. Closed, so the file is all there is. */
export async function makeWorldFile(path: string, atMs: number): Promise<World> {
  const store = await openStore(path);
  try {
    return await populate(store, atMs);
  } finally {
    await store.close();
  }
}
