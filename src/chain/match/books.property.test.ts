import fc from 'fast-check';
import { expect, it } from 'vitest';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import type { PaymentId } from '../../core/ids/ids.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment } from '../../decide/payments/records.ts';
import { transition } from '../../decide/payments/transition.ts';
import { query } from '../../store/statement.ts';
import {
  addAgent,
  addPayment,
  nonceOf,
  OUTSIDER,
  POLICY,
  payItem,
  SELLER,
  type TestAgent,
  TREASURY,
} from '../follow/testing/books.ts';
import { contradictions, undecided } from '../follow/testing/contradictions.ts';
import type { Action, Sent } from '../follow/testing/modelChain.ts';
import { FINALITY_DEPTH, findings, type Scene, scene } from '../follow/testing/scene.ts';

const amount = fc.bigInt({ min: 1n, max: 9_000_000n });
const index = fc.nat({ max: 20 });
const yes = fc.boolean();
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deposit' as const), who: index, amount, purse: yes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gift' as const), who: index, amount, purse: yes }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('pay' as const), who: index, to: index, amount, noted: yes, send: yes }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('purchase' as const),
      who: index,
      to: index,
      amount,
      blocks: fc.nat({ max: 12 }),
      send: yes,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('topUp' as const), who: index, amount, send: yes }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('send' as const), picks: fc.array(index, { minLength: 1, maxLength: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), pick: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('steal' as const), who: index, amount, purse: yes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), who: index, to: index, amount }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const), who: index, amount }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('mine' as const), empty: fc.nat({ max: 2 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('reorg' as const),
      depth: fc.integer({ min: 1, max: FINALITY_DEPTH }),
      seen: yes,
      keep: fc.array(yes, { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('tick' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('addAgent' as const), funded: yes }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

type World = { set: Scene; agents: TestAgent[]; payments: PaymentId[]; pool: Sent[] };

/** Whatever happens in whatever order, after each look at the chain the books are what the chain's model says. */
it('books equal the chain and sum to zero after any history of payments, thefts, gifts and reorgs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }), async (steps) => {
      const set = await scene();
      set.chain.mineEmpty(FINALITY_DEPTH);
      await set.follow();
      const world: World = { set, agents: [set.agent], payments: [], pool: [] };
      for (const one of steps) {
        await take(world, one);
        expect(await contradictions(set, world.agents)).toEqual([]);
      }
      mineAll(world);
      set.chain.mineEmpty(FINALITY_DEPTH + 12);
      await set.follow();
      expect(await contradictions(set, world.agents)).toEqual([]);
      expect(await findings(set)).toEqual([]);
      expect(await undecided(set, world.payments)).toEqual([]);
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
      return push({ kind: 'transfer', from: placeOf(who(one.who), one.purse), to: OUTSIDER, amount: one.amount });
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
      if ((await free(world, agent, 'available')) < one.amount) return;
      return ask(
        world,
        {
          agent,
          to: target(one.to, agent),
          amount: one.amount,
          state: one.noted ? 'submitted' : 'authorized',
        },
        one.send,
      );
    }
    case 'purchase': {
      const agent = who(one.who);
      const validBefore = chain.tip.header.timestampS + one.blocks * chain.secondsPerBlock;
      const held = least(await free(world, agent, 'purse'), one.amount);
      const state = held === one.amount ? 'submitted' : 'authorized';
      const to = target(one.to, agent);
      return ask(
        world,
        { agent, to, amount: one.amount, held, state, rail: 'x402', kind: 'purchase', validBefore },
        one.send,
      );
    }
    case 'topUp': {
      const agent = who(one.who);
      if ((await free(world, agent, 'available')) < one.amount) return;
      const waiting = (await mapInOrder(world.payments, (id) => store.read((tx) => findPayment(tx, id)))).find(
        (payment) => payment?.agentId === agent.id && payment.rail === 'x402' && payment.state === 'authorized',
      );
      const fundsPayment = waiting?.id;
      return ask(
        world,
        {
          agent,
          to: agent.purse,
          amount: one.amount,
          kind: 'top_up',
          ...(fundsPayment ? { fundsPayment } : {}),
        },
        one.send,
      );
    }
    case 'send':
      return send(world, one.picks);
    case 'cancel': {
      const payment = await pick(world, one.pick);
      if (payment?.rail !== 'x402') return;
      const agent = world.agents.find(({ id }) => id === payment.agentId) as TestAgent;
      return push({ kind: 'cancel', purse: agent.purse, nonce: nonceOf(payment.id) });
    }
    case 'mine':
      mineAll(world);
      return chain.mineEmpty(one.empty);
    case 'reorg': {
      mineAll(world);
      if (one.seen) await set.follow();
      const dropped = chain.drop(one.depth);
      pool.push(...dropped.filter((_, n) => one.keep[n % one.keep.length]));
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
const pick = async (world: World, n: number): Promise<Payment | undefined> => {
  const id = world.payments.at(-1 - (n % Math.max(world.payments.length, 1)));
  return id === undefined ? undefined : await world.set.store.read((tx) => findPayment(tx, id));
};

async function free(world: World, agent: TestAgent, account: 'available' | 'purse'): Promise<bigint> {
  const amount = await world.set.store.read((tx) => balance(tx, agentAccount(agent.id, account)));
  return amount > 0n ? amount : 0n;
}

async function ask(world: World, input: Parameters<typeof addPayment>[1], sendNow: boolean): Promise<void> {
  const payment = await world.set.store.write((tx) => addPayment(tx, input));
  world.payments.push(payment.id);
  if (sendNow) await broadcast(world, [payment]);
}

/** Broadcasts some payments, whatever their state: an old transaction may be mined at any time. */
async function send(world: World, picks: number[]): Promise<void> {
  const chosen = (await mapInOrder(picks, (n) => pick(world, n))).filter((payment) => payment !== undefined);
  await broadcast(world, [...new Map(chosen.map((payment) => [payment.id, payment])).values()]);
}

async function broadcast(world: World, chosen: readonly Payment[]): Promise<void> {
  const { chain } = world.set;
  for (const agent of world.agents) {
    const mine = chosen.filter(({ agentId }) => agentId === agent.id);
    const items = mine.filter(({ rail }) => rail === 'wallet').map(payItem);
    if (items.length > 0)
      world.pool.push(...chain.send({ kind: 'pay', wallet: agent.wallet, policyDigest: POLICY, items }));
    for (const payment of mine) {
      if (payment.rail !== 'x402' || payment.state === 'authorized') continue;
      const validBefore = await validBeforeOf(world, payment);
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

async function validBeforeOf(world: World, payment: Payment): Promise<number> {
  const row = await world.set.store.read((tx) =>
    tx.get(
      query((db) =>
        db.selectFrom('x402_authorizations').select('valid_before_s as s').where('payment_id', '=', payment.id),
      ),
    ),
  );
  return Number(row?.s ?? 0n);
}

/** A purchase is signed once it holds its whole amount, as the gateway does. */
async function signWaiting(world: World): Promise<void> {
  await world.set.store.write(async (tx) => {
    for (const id of world.payments) {
      const payment = await findPayment(tx, id);
      if (payment?.rail !== 'x402' || payment.state !== 'authorized' || payment.heldMicro < payment.amount) continue;
      await transition(tx, payment, 'submit', { actor: 'test', atMs: 0 });
    }
  });
}

function mineAll(world: World): void {
  world.set.chain.mine(world.pool.splice(0));
}
