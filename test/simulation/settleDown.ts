import { custom } from 'viem';
import { checkLedger } from '../../src/books/ledger/check.ts';
import { ownerCalls } from '../../src/chain/contracts/agentWallet.ts';
import { viemSource } from '../../src/chain/follow/viemSource.ts';
import { openChain } from '../../src/chain/node/chain.ts';
import { holdsMoney } from '../../src/core/payment/states.ts';
import { paidOn } from './chain/paid.ts';
import { ask } from './clients.ts';
import { Broken, type Invariants, type PaymentRow } from './invariants.ts';
import { setStatus } from './people.ts';
import { honest, mineOne, startWorker } from './perform.ts';
import { fetchSignature, settlePresented } from './purchases.ts';
import {
  everyAlert,
  everyAuthorization,
  everyPayment,
  inactiveAgents,
  openAlerts,
  openTransactions,
} from './queries.ts';
import { Random } from './random.ts';
import { type SimulatedServer, workerNames } from './server.ts';
import { CHAIN_ID, FINALITY_BLOCKS, places, startServer, type World } from './world.ts';

const ROUNDS_MAX = 400;
const ROUND_MS = 20_000;
/** After so many rounds the time goes faster: what nobody signs ends after an hour. */
const PATIENT_ROUNDS = 40;
const LONG_ROUND_MS = 600_000;

/**
 * The faults end: every node answers, each block takes what waits, and clients ask until they are answered. When nothing moves any more,
 * books and chain must agree on everything. Then the network sends every transaction again that was ever signed: nothing may change.
 */
export async function settleDown(world: World, invariants: Invariants): Promise<void> {
  world.trace.push('the faults end:');
  world.isCalm = true;
  world.node.mood = null;
  world.witness.mood = null;
  world.offsetsMs.fill(0);
  world.chain.baseFee = 1_000_000_000n;
  for (const place of world.servers.keys()) {
    world.scheduler.drop((world.servers[place] as SimulatedServer).id);
    startServer(world, place);
  }
  const random = new Random(7);
  for (const { agent, wallet } of world.agents) {
    const { to, data } = ownerCalls.unfreeze(wallet);
    world.chain.act(places.owner, to, data);
    setStatus(world, world.servers[0] as SimulatedServer, agent.id, 'active');
  }
  await drain(world, random);
  await askAgain(world, random);
  await fetchAll(world, random, invariants);
  await untilQuiet(world, random, invariants);
  await agree(world);
  for (const one of [...world.chain.signed].reverse()) world.chain.sendAgain(one);
  for (let i = 0; i < 2 * FINALITY_BLOCKS; i += 1) await round(world, random, invariants);
  await untilQuiet(world, random, invariants);
  await agree(world);
}

async function drain(world: World, random: Random): Promise<void> {
  await world.scheduler.settle();
  for (let left = 20_000; world.scheduler.waiting.length > 0; left -= 1) {
    if (left === 0) throw new Broken('a worker does not come to an end');
    await world.scheduler.resume(world.scheduler.waiting[0] as never, honest(random));
  }
}

async function askAgain(world: World, random: Random): Promise<void> {
  for (const client of world.requests) {
    if (client.payments.length > 0) continue;
    ask(world, client, world.servers[0] as SimulatedServer);
    await drain(world, random);
    const refused = client.refusals.at(-1);
    if (client.payments.length === 0 && (refused === undefined || refused === 'storage_failed'))
      throw new Broken(`${client.request.idempotencyKey} gets no answer: ${refused}`);
  }
}

const FETCHES = 6;

/** Buyers fetch what they bought, and the shop takes most of its money. */
async function fetchAll(world: World, random: Random, invariants: Invariants): Promise<void> {
  for (let i = 0; i < FETCHES; i += 1) {
    for (const client of world.requests.filter(({ request }) => request.rail === 'x402')) {
      fetchSignature(world, client, world.servers[0] as SimulatedServer);
      await drain(world, random);
    }
    for (const _ of world.presented) if (random.chance(0.5)) settlePresented(world, random);
    await round(world, random, invariants);
  }
}

/** A block, and a step of each worker, without faults. */
export async function round(world: World, random: Random, invariants: Invariants, ms = ROUND_MS): Promise<void> {
  world.nowMs += ms;
  mineOne(world, random, 1);
  for (const server of world.servers) {
    for (const name of workerNames) {
      startWorker(world, server, name);
      await drain(world, random);
    }
  }
  await invariants.check(world);
}

async function untilQuiet(world: World, random: Random, invariants: Invariants): Promise<void> {
  for (let quiet = 0, rounds = 0; quiet < 3; rounds += 1) {
    if (rounds === ROUNDS_MAX) throw new Broken(`it does not come to rest: ${await unfinished(world)}`);
    await round(world, random, invariants, rounds < PATIENT_ROUNDS ? ROUND_MS : LONG_ROUND_MS);
    quiet = (await unfinished(world)) === '' ? quiet + 1 : 0;
  }
}

/** What still has to happen; '' where nothing has. A review waits for people, as long as its term. */
async function unfinished(world: World): Promise<string> {
  return world.store.read(async (tx) => {
    const open = (await tx.all(everyPayment)).filter(({ state }) =>
      ['authorized', 'submitted', 'settled'].includes(state),
    );
    const transactions = await tx.all(openTransactions);
    const alerts = await tx.all(openAlerts);
    if (open.length + transactions.length === 0) return '';
    const texts = [...open.map(({ id, state }) => `${id} ${state}`), ...transactions.map((row) => describe(row))];
    return [...texts.slice(0, 6), ...alerts.slice(-6).map(({ type, body_json }) => `${type} ${body_json}`)].join('; ');
  });
}
const describe = ({
  id,
  purpose,
  nonce,
  state,
}: {
  id: bigint;
  purpose: string;
  nonce: bigint | null;
  state: string;
}) => `transaction ${id} (${purpose}, nonce ${nonce}) ${state}`;

/** Books and chain at rest. */
async function agree(world: World): Promise<void> {
  const { payments, nonces } = await world.store.read(async (tx) => ({
    payments: await tx.all(everyPayment),
    nonces: new Map((await tx.all(everyAuthorization)).map((row) => [row.payment_id, row.nonce])),
  }));
  const paid = new Map(paidOn(world.chain.tip).map((one) => [one.key, one]));
  const keyOf = (row: PaymentRow): string => (row.rail === 'wallet' ? row.chain_key : (nonces.get(row.id) ?? ''));
  for (const row of payments) {
    const isPaid = paid.has(keyOf(row) as never);
    if (isPaid !== (row.state === 'final'))
      throw new Broken(`${row.id} is ${row.state}, and on chain ${isPaid ? 'paid' : 'not paid'}`);
    if (holdsMoney[row.state] && row.state !== 'in_review') throw new Broken(`${row.id} holds money without a reason`);
  }
  await world.store.read(async (tx) => {
    const wrong = (await tx.all(everyAlert)).find(({ type }) => neverRaised.has(type));
    if (wrong) throw new Broken(`nobody stole anything, and there is an alert ${wrong.type}: ${wrong.body_json}`);
    const stopped = (await tx.all(inactiveAgents)).find(() => true);
    if (stopped) throw new Broken(`${stopped.id} is ${stopped.status}, and nobody stopped it`);
  });
  await checkBooks(world);
}

/** Alerts that mean theft or a mistake of ours. */
const neverRaised: ReadonlySet<string> = new Set([
  'unexplained_outflow',
  'claim_without_transfer',
  'evidence_mismatch',
  'owner_withdrawal',
]);

async function checkBooks({ store, node }: World): Promise<void> {
  const random = new Random(1);
  const request = (asked: { method: string; params?: unknown }): Promise<unknown> => node.answer(asked, null, random);
  const transport = custom({ request }, { retryCount: 0 });
  const chain = openChain({ chainId: CHAIN_ID, token: places.token, rpcUrl: 'http://model', transport });
  const { ok, findings } = await checkLedger(store, { chainId: CHAIN_ID, source: viemSource(chain) });
  if (!ok) throw new Broken(`ledger check: ${findings.join(' ')}`);
}
