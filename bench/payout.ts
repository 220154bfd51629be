import {
  type Address,
  encodeAbiParameters,
  encodeFunctionData,
  erc20Abi,
  getAddress,
  type Hex,
  keccak256,
  numberToHex,
  toHex,
} from 'viem';
import { createClient } from '../src/api/client/client.ts';
import { devAccounts } from '../src/app/local-chain/accounts.ts';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import type { LocalChain } from '../src/app/local-chain/localChain.ts';
import { launch } from '../src/app/server/localLaunch.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import { formatUsdc, microUsdc } from '../src/core/money/microUsdc.ts';
import { createPayee } from '../src/decide/identity/payees.ts';
import { compilePolicyDirectory } from '../src/decide/policy/compile.ts';
import { query } from '../src/store/statement.ts';
import type { Store } from '../src/store/store.ts';
import { type Figure, quantile, type Say } from './figure.ts';
import { inTemporaryFolder } from './world.ts';

const LINES = 10_000;
const FUNDS = microUsdc(1_000_000_000n);
const CALLS_PER_BATCH = 250;
/** Where FiatTokenV2_2 keeps its mapping of balances. */
const BALANCES_SLOT = 9n;

type Line = { payee: string; address: Address; micro: bigint };
type Payout = { id: string; state: string; settled: number; authorized: number; transactions: Sent };
type Sent = { mined: number; open: number; gas_used: string };

/**
 * Ten thousand contractors who hold USDC already are paid twice on one chain: by as many plain transfers of one account, and by a
 * payout through the server, its policy and the agent's wallet. The same addresses, the same amounts; all gas from receipts.
 */
export async function payout(say: Say): Promise<Figure[]> {
  return inTemporaryFolder(async (dir) => {
    const launched = await launch({ dir, port: 0, version: 'bench', say: () => {} });
    try {
      const { local, operatorKey, bursar, keys, url } = launched;
      if (!local || !operatorKey) throw new Error('A new data directory has a chain and a key.');
      const client = createClient(url, operatorKey);
      const bundle = await compilePolicyDirectory('docs/examples/payouts');
      const { digest } = await client.call('load_policy', { bundle, note: 'payouts' });
      await client.call('activate_policy', { digest });
      const lines = linesOf();
      await addPayees(bursar.store, lines);
      say(`${LINES} plain transfers to known holders`);
      await makeHolders(local, lines);
      const plain = await transferAll(local, lines);
      const treasury = await keyAccount(keys, 'treasury');
      const agent = await fundedAgent(client, local, treasury);

      const csv = ['payee,amount,memo', ...lines.map(({ payee, micro }) => `${payee},${formatUsdc(micro)},a page`)];
      const input = { agent, csv: csv.join('\n') };
      say(`a payout of ${LINES} lines`);
      const startedAt = performance.now();
      const preview = await client.call('preview_payout', input);
      const previewedAt = performance.now();
      if (preview.allowed !== LINES) throw new Error(`Not all lines are allowed: ${JSON.stringify(preview.reasons)}`);
      const made = await client.call('create_payout', input, { idempotencyKey: 'bench-payout' });
      const storedAt = performance.now();
      const probe = probeGate(client, agent);
      const decided = await until(client, String(made.id), ({ state }) => state === 'decided');
      const over = await until(
        client,
        String(made.id),
        ({ settled, transactions }) => settled === LINES && transactions.open === 0,
      );
      const waits = await probe.end();
      await provePaid(local, lines);
      const gas = BigInt(over.last.transactions.gas_used);
      const deployment = await deploymentGas(bursar.store);
      const seconds = (from: number, to: number): number => (to - from) / 1_000;
      return [
        {
          figure: 'payout10k_gas_over_transfers',
          ratio: Number(gas) / Number(plain),
          goal: '<=0.6',
          numbers: {
            lines: LINES,
            transactions: over.last.transactions.mined,
            gas_per_line: Number(gas) / LINES,
            gas_per_transfer: Number(plain) / LINES,
            ratio_with_wallet_deployment: Number(gas + deployment) / Number(plain),
            estimate_over_actual: Number((preview.gas as { estimate: string }).estimate) / Number(gas),
            preview_s: seconds(startedAt, previewedAt),
            check_and_store_s: seconds(previewedAt, storedAt),
            decided_per_s: LINES / seconds(storedAt, decided.atMs),
            settled_per_s: LINES / seconds(storedAt, over.atMs),
            others_wait_p50_ms: quantile(waits, 0.5),
            others_wait_p99_ms: quantile(waits, 0.99),
          },
        },
      ];
    } finally {
      await launched.stop();
    }
  });
}

const addressOf = (name: string): Address => getAddress(`0x${keccak256(toHex(name)).slice(26)}`);

function linesOf(): Line[] {
  return Array.from({ length: LINES }, (_, n) => ({
    payee: `contractor-${n}`,
    address: addressOf(`contractor-${n}`),
    micro: 10_000n + BigInt(n % 9_000),
  }));
}

async function addPayees(store: Store, lines: readonly Line[]): Promise<void> {
  const act = { actor: 'bench', atMs: Date.now() };
  for (let from = 0; from < lines.length; from += 500) {
    await store.write(async (tx) => {
      for (const { payee, address } of lines.slice(from, from + 500)) {
        await createPayee(tx, act, {
          name: payee,
          kind: 'contractor',
          agentId: null,
          categories: ['contractor'],
          hosts: [],
          addresses: [{ address, verified: true }],
        });
      }
    });
  }
}

/** Each has 5 micro-USDC: a transfer to somebody without any costs 17,100 more. */
async function makeHolders(local: LocalChain, lines: readonly Line[]): Promise<void> {
  const calls = lines.map(({ address }) => {
    const slot = keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [address, BALANCES_SLOT]));
    return { method: 'anvil_setStorageAt', params: [local.usdc.address, slot, numberToHex(5, { size: 32 })] };
  });
  await batched(local, calls);
  const { address } = lines[0] as Line;
  const balance = await balanceOf(local, address);
  if (balance !== 5n) throw new Error('The token keeps its balances elsewhere.');
}

/** The gas of all of them, from the receipts. Sent from an account that anvil holds the key of. */
async function transferAll(local: LocalChain, lines: readonly Line[]): Promise<bigint> {
  const from = devAccounts[7]?.address;
  if (!from) throw new Error('There are ten accounts.');
  await local.fundGas([from]);
  await local.mint(from, FUNDS);
  const first = await local.client.getTransactionCount({ address: from });
  const calls = lines.map(({ address, micro }, index) => {
    const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [address, micro] });
    return {
      method: 'eth_sendTransaction',
      params: [{ from, to: local.usdc.address, data, gas: numberToHex(100_000), nonce: numberToHex(first + index) }],
    };
  });
  // Many to a block: gas is the same, and ten thousand blocks would only keep the follower busy.
  await local.client.setAutomine(false);
  const hashes: Hex[] = [];
  for (let at = 0; at < calls.length; at += CALLS_PER_BATCH) {
    hashes.push(...((await batched(local, calls.slice(at, at + CALLS_PER_BATCH))) as Hex[]));
    await local.client.mine({ blocks: 1 });
  }
  await local.client.setAutomine(true);
  while ((await local.client.getTransactionCount({ address: from })) < first + LINES) {
    await local.client.mine({ blocks: 1 });
  }
  const receipts = await batched(
    local,
    hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] })),
  );
  return (receipts as { status: Hex; gasUsed: Hex }[]).reduce((sum, { status, gasUsed }) => {
    if (status !== '0x1') throw new Error('A plain transfer reverted.');
    return sum + BigInt(gasUsed);
  }, 0n);
}

async function fundedAgent(
  client: ReturnType<typeof createClient>,
  local: LocalChain,
  treasury: Awaited<ReturnType<typeof keyAccount>>,
): Promise<string> {
  await client.call('create_sponsor', { name: 'Finance', treasury_address: treasury.address });
  const agent = (await client.call('create_agent', {
    name: 'payroll',
    sponsor: 'Finance',
    labels: { purpose: 'payouts' },
  })) as { id: string; wallet: { address: Address } };
  await local.mint(treasury.address, FUNDS);
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [agent.wallet.address, FUNDS] });
  await sendInOrder(local.client, treasury, [{ to: local.usdc.address, data }]);
  for (;;) {
    const { balances } = (await client.call('get_agent', { id: agent.id })) as {
      balances: { available: { value: string } };
    };
    if (balances.available.value !== '0.00') return agent.id;
    await pause();
  }
}

async function until(
  client: ReturnType<typeof createClient>,
  id: string,
  there: (now: Payout) => boolean,
): Promise<{ last: Payout; atMs: number }> {
  for (;;) {
    const last = (await client.call('get_payout', { id })) as Payout;
    if (there(last)) return { last, atMs: performance.now() };
    if (last.state === 'decided' && last.authorized === 0 && last.settled < LINES) {
      throw new Error(`The payout ended without all of its lines: ${JSON.stringify(last)}`);
    }
    await pause();
  }
}

/** How long somebody else's question waits for the gate meanwhile: its decision is queued behind the payout's. */
function probeGate(client: ReturnType<typeof createClient>, agent: string): { end(): Promise<number[]> } {
  const waits: number[] = [];
  let running = true;
  const asked = (async () => {
    const input = { agent, payee: 'contractor-0', amount: { value: '0.01', currency: 'USDC' } };
    while (running) {
      const startedAt = performance.now();
      await client.call('check_payment', input);
      waits.push(performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return {
    end: async () => {
      running = false;
      await asked;
      return waits;
    },
  };
}

/** Everyone has what they had, and both payments. */
async function provePaid(local: LocalChain, lines: readonly Line[]): Promise<void> {
  const calls = lines.map(({ address }) => ({
    method: 'eth_call',
    params: [
      {
        to: local.usdc.address,
        data: encodeFunctionData({ abi: erc20Abi, functionName: 'balanceOf', args: [address] }),
      },
      'latest',
    ],
  }));
  const balances = (await batched(local, calls)) as Hex[];
  const wrong = balances.filter((balance, index) => BigInt(balance) !== 5n + 2n * (lines[index]?.micro ?? 0n));
  if (wrong.length > 0) throw new Error(`${wrong.length} contractors have not what they should.`);
}

async function deploymentGas(store: Store): Promise<bigint> {
  const row = await store.read((tx) =>
    tx.get(
      query((db) =>
        db
          .selectFrom('transactions')
          .select((eb) => eb.fn.sum<bigint | null>('gas_used').as('gas'))
          .where('purpose', 'like', 'deploy:%'),
      ),
    ),
  );
  return row?.gas ?? 0n;
}

const balanceOf = (local: LocalChain, account: Address): Promise<bigint> =>
  local.client.readContract({ address: local.usdc.address, abi: erc20Abi, functionName: 'balanceOf', args: [account] });

/** JSON-RPC in batches; the results in order. Throws on the first error. */
async function batched(local: LocalChain, calls: readonly { method: string; params: unknown[] }[]): Promise<unknown[]> {
  const results: unknown[] = [];
  for (let from = 0; from < calls.length; from += CALLS_PER_BATCH) {
    const part = calls.slice(from, from + CALLS_PER_BATCH).map((call, id) => ({ jsonrpc: '2.0', id, ...call }));
    const response = await fetch(local.anvil.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(part),
    });
    const answers = (await response.json()) as { id: number; result?: unknown; error?: { message: string } }[];
    for (const { error, result } of answers.sort((a, b) => a.id - b.id)) {
      if (error) throw new Error(error.message);
      results.push(result);
    }
  }
  return results;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 500));
