import { costs } from '../src/api/operations/cost.ts';
import { callerOf, dispatch } from '../src/api/operations/dispatch.ts';
import type { Operation } from '../src/api/operations/operation.ts';
import { findOperation, registry } from '../src/api/operations/registry.ts';
import { startTestServer, type TestServer } from '../test/support/testServer.ts';
import { type Figure, median, type Say } from './figure.ts';

const AGENTS = 20;
const PAYEES = 50;
const PAYMENTS = 1_500;
const ROUNDS = 5;
const CALLS = 10;

type Ask = (name: string, input?: Record<string, unknown>) => Promise<Record<string, unknown>>;
/** `owed`: tokens that the latest call is charged beyond its class. */
type World = { ask: Ask; owed: () => number; ids: Record<string, string>; agents: string[]; payees: string[] };

/**
 * The CPU time of this process for each operation that reads, in a whole local server with 1,500 payments, against the tokens of its
 * class; and of a payment that a rolling limit denies, with its hints, against one that is allowed.
 */
export async function cost(say: Say): Promise<Figure[]> {
  const server = await startTestServer();
  try {
    const world = await populated(server);
    const reads = registry.filter(({ method }) => method === 'GET');
    let worst = 0;
    let measured = 0;
    for (const operation of reads) {
      const us = await cpuOf(world, operation);
      if (us === null) continue;
      measured += 1;
      worst = Math.max(worst, us / 1_000 / (costs[operation.cost] + world.owed()));
      say(`${operation.name.padEnd(24)} ${operation.cost.padEnd(7)} ${(us / 1_000).toFixed(2)} ms`);
    }
    const { allowed, denied } = await payments(world);
    return [
      { figure: 'cost_ms_over_tokens_worst', ratio: worst, goal: '<=1', numbers: { operations: measured } },
      {
        figure: 'denial_over_allowed_cpu',
        ratio: denied / allowed,
        goal: '<=2',
        numbers: { allowed_us: allowed, denied_us: denied },
      },
    ];
  } finally {
    await server.end();
  }
}

async function populated({ bursar, operatorKey, agent }: TestServer): Promise<World> {
  const { app } = bursar;
  const caller = await callerOf(app, operatorKey ?? undefined);
  let key = 0;
  let owed = 0;
  const ask: Ask = async (name, input = {}) => {
    key += 1;
    owed = 0;
    const owe = (tokens: number): void => {
      owed += tokens;
    };
    const meta = { idempotencyKey: `bench-cost-${key}`, owe };
    const operation = findOperation(name) as Operation;
    return (await dispatch(app, caller, { operation, input, meta })) as Record<string, unknown>;
  };
  const payer = await agent('payer', '1000');
  const sponsor = String((await ask('create_sponsor', { name: 'Bench' })).id);
  const workflow = String((await ask('create_workflow', { name: 'bench run' })).id);
  const agents: string[] = [payer.id];
  for (let n = 1; n < AGENTS; n += 1) {
    agents.push(String((await ask('create_agent', { name: `bench agent ${n}`, sponsor })).id));
  }
  const payees: string[] = [];
  for (let n = 0; n < PAYEES; n += 1) {
    payees.push(
      String((await ask('create_payee', { name: `bench payee ${n}`, kind: 'contractor', address: addressOf(n) })).id),
    );
  }
  let payment = '';
  for (let n = 0; n < PAYMENTS; n += 1) {
    // One agent has money; the others are denied, which leaves a payment, a decision and an event as well.
    const input = { agent: agents[n % AGENTS], payee: payees[n % PAYEES], amount: '0.01' };
    payment = String((await ask('pay', input)).id);
  }
  const digest = String((await ask('get_active_policy')).digest);
  return {
    ask,
    owed: () => owed,
    agents,
    payees,
    ids: { agent: agents[0] ?? '', sponsor, workflow, payee: payees[0] ?? '', payment, digest },
  };
}

/** Microseconds of CPU for one call, the median of the rounds; null where the bench has nothing that it could read. */
async function cpuOf(world: World, operation: Operation): Promise<number | null> {
  const { ids } = world;
  const about = /agent|budget|wallet/.test(operation.name)
    ? ids.agent
    : ['payee', 'sponsor', 'workflow', 'payment']
        .map((name) => (operation.name.includes(name) ? ids[name] : null))
        .find(Boolean);
  const input = Object.fromEntries(
    [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, name === 'digest' ? ids.digest : about]),
  );
  try {
    await world.ask(operation.name, input);
  } catch {
    return null;
  }
  return await medianCpu(() => world.ask(operation.name, input));
}

/** Dry runs, so that the state stays: the gate, the policy and the hints are those of a request. */
async function payments({ ask, agents, payees }: World): Promise<{ allowed: number; denied: number }> {
  const payment = { agent: agents[0], payee: payees[1], amount: '0.01' };
  const dry = () => ask('check_payment', payment);
  await ask('verify_payee_address', { id: payees[1], address: addressOf(1) });
  await expectEffect(dry, 'allow');
  const allowed = await medianCpu(dry);
  // The rolling limit of the starter policy: 120 payments in an hour.
  for (let n = 0; n < 120; n += 1) await ask('pay', payment);
  await expectEffect(dry, 'deny');
  return { allowed, denied: await medianCpu(dry) };
}

async function expectEffect(dry: () => Promise<Record<string, unknown>>, effect: string): Promise<void> {
  const said = await dry();
  if (said.effect !== effect) throw new Error(`The gate says ${JSON.stringify(said).slice(0, 300)}, not ${effect}.`);
}

const addressOf = (n: number): string => `0x${String(n + 1).padStart(40, 'a')}`;

async function medianCpu(call: () => Promise<unknown>): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let n = 0; n < CALLS; n += 1) await call();
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) rounds.push((user + system) / CALLS);
  }
  return median(rounds);
}
