import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PaymentId } from '../ids/ids.ts';
import { agentAccount, balance, purseAccounts, walletAccounts } from '../ledger/journal.ts';
import type { Payment } from '../payments/payment.ts';
import { findPayment } from '../payments/records.ts';
import { holdsMoney } from '../payments/states.ts';
import { transition } from '../payments/transition.ts';
import {
  addAgent,
  addPayment,
  nonceOf,
  POLICY,
  payItem,
  SELLER,
  STRANGER,
  type TestAgent,
  TREASURY,
} from './testing/books.ts';
import type { Action, Sent } from './testing/modelChain.ts';
import { FINALITY_DEPTH, findings, type Scene, scene } from './testing/scene.ts';

const amount = fc.bigInt({ min: 1n, max: 40_000_000n });
const index = fc.nat({ max: 20 });
const step = fc.oneof(
  fc.record({ do: fc.constant('deposit' as const), who: index, amount, purse: fc.boolean() }),
  fc.record({ do: fc.constant('gift' as const), who: index, amount, purse: fc.boolean() }),
  fc.record({ do: fc.constant('pay' as const), who: index, to: index, amount, noted: fc.boolean() }),
  fc.record({ do: fc.constant('purchase' as const), who: index, to: index, amount, blocks: fc.nat({ max: 8 }) }),
  fc.record({ do: fc.constant('topUp' as const), who: index, amount }),
  fc.record({ do: fc.constant('send' as const), picks: fc.array(index, { minLength: 1, maxLength: 6 }) }),
  fc.record({ do: fc.constant('cancel' as const), pick: index }),
  fc.record({ do: fc.constant('steal' as const), who: index, amount, purse: fc.boolean() }),
  fc.record({ do: fc.constant('withdraw' as const), who: index, to: index, amount }),
  fc.record({ do: fc.constant('sweep' as const), who: index, amount }),
  fc.record({ do: fc.constant('mine' as const), empty: fc.nat({ max: 3 }) }),
  fc.record({
    do: fc.constant('reorg' as const),
    depth: fc.integer({ min: 1, max: FINALITY_DEPTH }),
    keep: fc.infiniteStream(fc.boolean()),
  }),
  fc.record({ do: fc.constant('tick' as const) }),
  fc.record({ do: fc.constant('restart' as const) }),
  fc.record({ do: fc.constant('addAgent' as const), funded: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

type World = { set: Scene; agents: TestAgent[]; payments: PaymentId[]; pool: Sent[] };

/** Whatever happens in whatever order, after each look at the chain the books are what the chain's model says. */
it('books equal the chain and sum to zero after any history of payments, thefts, gifts and reorgs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const set = await scene();
      set.chain.mineEmpty(FINALITY_DEPTH);
      await set.follow();
      const world: World = { set, agents: [set.agent], payments: [], pool: [] };
      for (const one of steps) {
        await take(world, one);
        mustHold(world);
      }
      mineAll(world);
      set.chain.mineEmpty(FINALITY_DEPTH + 12);
      await set.follow();
      mustHold(world);
      expect(await findings(set)).toEqual([]);
      allIsDecided(world);
      await set.store.close();
    }),
    { numRuns: 60 },
  );
}, 120_000);

async function take(world: World, one: Step): Promise<void> {
  const { set, pool } = world;
  const { chain, store } = set;
  const who = (n: number): TestAgent => world.agents[n % world.agents.length] as TestAgent;
  const target = (n: number, payer: TestAgent) => {
    const other = who(n);
    return n % 3 === 0 || other === payer ? SELLER : other.wallet;
  };
  const push = (action: Action): void => void pool.push(...chain.send(action));
  switch (one.do) {
    case 'deposit':
      return push({ kind: 'transfer', from: TREASURY, to: placeOf(who(one.who), one.purse), amount: one.amount });
    case 'gift':
      return push({ kind: 'mint', to: placeOf(who(one.who), one.purse), amount: one.amount });
    case 'steal':
      return push({ kind: 'transfer', from: placeOf(who(one.who), one.purse), to: STRANGER, amount: one.amount });
    case 'withdraw':
      return push({
        kind: 'withdraw',
        wallet: who(one.who).wallet,
        to: target(one.to, who(one.who)),
        amount: one.amount,
      });
    case 'sweep':
      return push({ kind: 'transfer', from: who(one.who).purse, to: who(one.who).wallet, amount: one.amount });
    case 'pay': {
      const agent = who(one.who);
      if (free(world, agent, 'available') < one.amount) return;
      return ask(world, {
        agent,
        to: target(one.to, agent),
        amount: one.amount,
        state: one.noted ? 'submitted' : 'authorized',
      });
    }
    case 'purchase': {
      const agent = who(one.who);
      const validBefore = chain.tip.header.timestampS + one.blocks * chain.secondsPerBlock;
      const held = least(free(world, agent, 'purse'), one.amount);
      const state = held === one.amount ? 'submitted' : 'authorized';
      const to = target(one.to, agent);
      return ask(world, { agent, to, amount: one.amount, held, state, rail: 'x402', kind: 'purchase', validBefore });
    }
    case 'topUp': {
      const agent = who(one.who);
      if (free(world, agent, 'available') < one.amount) return;
      const waiting = world.payments
        .map((id) => store.read((tx) => findPayment(tx, id)))
        .find((payment) => payment?.agentId === agent.id && payment.rail === 'x402' && payment.state === 'authorized');
      const fundsPayment = waiting?.id;
      return ask(world, {
        agent,
        to: agent.purse,
        amount: one.amount,
        kind: 'top_up',
        ...(fundsPayment ? { fundsPayment } : {}),
      });
    }
    case 'send':
      return send(world, one.picks);
    case 'cancel': {
      const payment = pick(world, one.pick);
      if (payment?.rail !== 'x402') return;
      const agent = world.agents.find(({ id }) => id === payment.agentId) as TestAgent;
      return push({ kind: 'cancel', purse: agent.purse, nonce: nonceOf(payment.id) });
    }
    case 'mine':
      mineAll(world);
      return chain.mineEmpty(one.empty);
    case 'reorg': {
      mineAll(world);
      const dropped = chain.drop(least(one.depth, chain.blocks.length - 1));
      pool.push(...dropped.filter(() => one.keep.next().value));
      mineAll(world);
      chain.mineEmpty(one.depth);
      await set.follow();
      return;
    }
    case 'tick':
      await signWaiting(world);
      await set.follow();
      return;
    case 'restart':
      return set.restart();
    case 'addAgent': {
      if (world.agents.length >= 4) return;
      const agent = await addAgent(store, `agent ${world.agents.length}`);
      if (one.funded) push({ kind: 'transfer', from: TREASURY, to: agent.wallet, amount: 50_000_000n });
      world.agents.push(agent);
      return;
    }
    default:
      one satisfies never;
  }
}

const placeOf = (agent: TestAgent, purse: boolean) => (purse ? agent.purse : agent.wallet);
const least = <T extends bigint | number>(a: T, b: T): T => (a < b ? a : b);
const pick = (world: World, n: number): Payment | undefined => {
  const id = world.payments[n % Math.max(world.payments.length, 1)];
  return id === undefined ? undefined : world.set.store.read((tx) => findPayment(tx, id));
};

function free(world: World, agent: TestAgent, account: 'available' | 'purse'): bigint {
  const amount = world.set.store.read((tx) => balance(tx, agentAccount(agent.id, account)));
  return amount > 0n ? amount : 0n;
}

async function ask(world: World, input: Parameters<typeof addPayment>[1]): Promise<void> {
  const payment = await world.set.store.write((tx) => addPayment(tx, input));
  world.payments.push(payment.id);
}

/** Broadcasts some payments, whatever their state: an old transaction may be mined at any time. */
function send(world: World, picks: number[]): void {
  const { chain } = world.set;
  const chosen = [...new Set(picks)].map((n) => pick(world, n)).filter((payment) => payment !== undefined);
  for (const agent of world.agents) {
    const mine = chosen.filter(({ agentId }) => agentId === agent.id);
    const items = mine.filter(({ rail }) => rail === 'wallet').map(payItem);
    if (items.length > 0)
      world.pool.push(...chain.send({ kind: 'pay', wallet: agent.wallet, policyDigest: POLICY, items }));
    for (const payment of mine) {
      if (payment.rail !== 'x402' || payment.state === 'authorized') continue;
      const validBefore = validBeforeOf(world, payment);
      const { address: to, amount: value } = payment;
      world.pool.push(
        ...chain.send({
          kind: 'authorized',
          purse: agent.purse,
          nonce: nonceOf(payment.id),
          to,
          amount: value,
          validBefore,
        }),
      );
    }
  }
}

function validBeforeOf(world: World, payment: Payment): number {
  const row = world.set.store.read((tx) =>
    tx.get<{ s: bigint }>('SELECT valid_before_s AS s FROM x402_authorizations WHERE payment_id = ?', payment.id),
  );
  return Number(row?.s ?? 0n);
}

/** A purchase is signed once it holds its whole amount, as the gateway does. */
async function signWaiting(world: World): Promise<void> {
  await world.set.store.write((tx) => {
    for (const id of world.payments) {
      const payment = findPayment(tx, id);
      if (payment?.rail !== 'x402' || payment.state !== 'authorized' || payment.heldMicro < payment.amount) continue;
      transition(tx, payment, 'submit', { actor: 'test', atMs: 0 });
    }
  });
}

function mineAll(world: World): void {
  world.set.chain.mine(world.pool.splice(0));
}

function mustHold({ set: { store, chain }, agents }: World): void {
  store.read((tx) => {
    const cursor = tx.get<{ number: bigint; hash: string }>(
      'SELECT number, hash FROM blocks ORDER BY number DESC LIMIT 1',
    );
    const total = tx.get<{ sum: bigint }>('SELECT sum(amount_micro) AS sum FROM balances');
    expect(total?.sum).toBe(0n);
    const reserved = tx.all(
      `SELECT agent_id FROM payments GROUP BY agent_id, rail HAVING sum(held_micro) <> coalesce((SELECT amount_micro FROM balances
       WHERE account = agent_id || CASE rail WHEN 'wallet' THEN ':reserved' ELSE ':purse_reserved' END), 0)`,
    );
    expect(reserved).toEqual([]);
    // Between a reorg and the next look the books are of a branch that is gone.
    if (!cursor || chain.blocks[Number(cursor.number)]?.header.hash !== cursor.hash) return;
    for (const agent of agents) {
      const watched = tx.get('SELECT 1 FROM watched WHERE agent_id = ?', agent.id);
      const books = (accounts: readonly (typeof walletAccounts)[number][] | typeof purseAccounts): bigint =>
        accounts.reduce((sum, account) => sum + balance(tx, agentAccount(agent.id, account)), 0n);
      expect(books(walletAccounts)).toBe(watched ? chain.balanceAt(agent.wallet, cursor.number) : 0n);
      expect(books(purseAccounts)).toBe(watched ? chain.balanceAt(agent.purse, cursor.number) : 0n);
    }
  });
}

/** At the end everything is final: what the chain paid is so in the books or in an alert, and what it can never pay is free. */
function allIsDecided({ set: { store, chain }, payments }: World): void {
  for (const id of payments) {
    const payment = store.read((tx) => findPayment(tx, id)) as Payment;
    const used = chain.tip.after.used.has(payment.rail === 'wallet' ? payment.chainKey : nonceOf(id));
    const alerted = store.read((tx) =>
      tx.get(
        "SELECT 1 FROM alerts WHERE type = 'unexplained_outflow' AND json_extract(body_json, '$.payment') = ?",
        id,
      ),
    );
    if (payment.rail === 'wallet') expect(payment.state === 'final' || alerted !== undefined).toBe(used);
    else if (payment.state === 'final') expect(used).toBe(true);
    else if (payment.state === 'expired') expect(used).toBe(false);
    else if (payment.state === 'cancelled') expect(used).toBe(true);
    else expect(holdsMoney[payment.state] && payment.state !== 'submitted').toBe(true);
  }
}
