import { deepEqual } from 'node:assert/strict';
import { checkFigures } from '../../../books/ledger/check.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import { asLeader } from '../../../store/leases/testing/asLeader.ts';
import { query } from '../../../store/statement.ts';
import type { Store } from '../../../store/store.ts';
import { createFollower, type Follower, type FollowerOptions, type TickReport } from '../follower.ts';
import {
  addAgent,
  addPayment,
  CHAIN_ID,
  nonceOf,
  openBooks,
  POLICY,
  payItem,
  SELLER,
  type TestAgent,
  type TestPayment,
  TREASURY,
} from './books.ts';
import { type Action, ModelChain, type Sent } from './modelChain.ts';

export const FINALITY_DEPTH = 3;

export type Scene = {
  store: Store;
  chain: ModelChain;
  follower: Follower;
  agent: TestAgent;
  /** Mines one block of these and lets the follower catch up. */
  happen(...actions: Action[]): Promise<TickReport>;
  /** A payment of the agent over 10 USDC to SELLER, submitted, unless said otherwise. */
  add(input?: Partial<TestPayment>): Promise<Payment>;
  /** What the agent's executor sends for payments: one batch. */
  pay(...payments: Payment[]): Action & { kind: 'pay' };
  /** What a facilitator sends for a purchase. */
  authorize(payment: Payment, changes?: Partial<Action & { kind: 'authorized' }>): Action & { kind: 'authorized' };
  /** Ticks until there is nothing more to do. */
  follow(): Promise<TickReport>;
  /** A new follower on the same store, as after a restart. */
  restart(options?: Partial<FollowerOptions>): void;
  /** Replaces the newest `depth` blocks by one more than that; `keep`: what of their content is mined again, in the first. */
  reorg(depth: number, keep?: (sent: Sent) => boolean): Promise<TickReport>;
};

/** Books of one agent, funded with 100 USDC by its sponsor, that follow a model chain. */
export async function scene(options: Partial<FollowerOptions> = {}): Promise<Scene> {
  const store = await openBooks();
  const chain = new ModelChain();
  const agent = await addAgent(store, 'payer');
  const make = (more: Partial<FollowerOptions> = {}) =>
    createFollower({
      store: asLeader(store),
      chain,
      clock: () => 1_800_000_000_000,
      chainId: CHAIN_ID,
      finality: { kind: 'depth', blocks: FINALITY_DEPTH },
      startBlock: 0n,
      ...options,
      ...more,
    });
  const set: Scene = {
    store,
    chain,
    agent,
    follower: make(),
    happen: (...actions) => {
      const refused = chain.mine(chain.send(...actions));
      if (refused.length > 0) throw new Error(`The model chain refused ${refused[0]?.action.kind}.`);
      return set.follow();
    },
    add: (input) => store.write((tx) => addPayment(tx, { agent, to: SELLER, amount: 10_000_000n, ...input })),
    pay: (...payments) => ({ kind: 'pay', wallet: agent.wallet, policyDigest: POLICY, items: payments.map(payItem) }),
    authorize: ({ id, address: to, amount }, changes) => {
      const fields = { purse: agent.purse, nonce: nonceOf(id), to, amount, validBefore: 4_000_000_000 };
      return { kind: 'authorized', ...fields, ...changes };
    },
    follow: async () => {
      for (let ticks = 0; ticks < 100; ticks += 1) {
        const report = await set.follower.tick();
        if (report.status !== 'behind') return report;
      }
      throw new Error('The follower never arrives.');
    },
    restart: (more) => {
      set.follower = make(more);
    },
    reorg: (depth, keep = () => true) => {
      chain.mine(chain.drop(depth).filter(keep));
      chain.mineEmpty(depth);
      return set.follow();
    },
  };
  chain.mine(chain.send({ kind: 'mint', to: TREASURY, amount: 1_000_000_000n }));
  await set.happen({ kind: 'transfer', from: TREASURY, to: agent.wallet, amount: 100_000_000n });
  return set;
}

/** The books prove themselves, and against the model chain. */
export async function findings({ store, chain }: Scene): Promise<string[]> {
  return (await checkFigures(store, { chainId: CHAIN_ID, source: chain })).findings;
}

/** Ends a test: the books must agree with the model chain. */
export async function endInAgreement(set: Scene): Promise<void> {
  deepEqual(await findings(set), []);
  await set.store.close();
}

/** The booked transfer with the highest block and log index, and what it was matched with. */
export const lastTransfer = (store: Store) =>
  store.read((tx) =>
    tx.get(
      query((db) =>
        db
          .selectFrom('transfers')
          .select(['match_kind', 'match_id', 'state'])
          .orderBy('block_number', 'desc')
          .orderBy('log_index', 'desc')
          .limit(1),
      ),
    ),
  );
