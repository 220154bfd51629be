import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Updateable } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addToMeters } from '../../../test/support/meters.ts';
import { createFollower } from '../../chain/follow/follower.ts';
import {
  addAgent,
  addPayment,
  CHAIN_ID,
  openBooks,
  POLICY,
  payItem,
  SELLER,
  type TestAgent,
  TREASURY,
} from '../../chain/follow/testing/books.ts';
import { ModelChain } from '../../chain/follow/testing/modelChain.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import type { Schema } from '../../store/schema/schema.ts';
import { type Command, type None, query, statement } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { tamperWith } from '../../store/tampering.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import type { MeterDeclarations } from '../meters/declarations.ts';
import { checkFigures } from './check.ts';
import { appendEvent } from './events.ts';

let folder: string;
let path: string;
let store: Store;
let chain: ModelChain;
let agent: TestAgent;

const meters: MeterDeclarations = {
  day: { by: ['agent'], window: { calendar: 'day', tz: 'UTC' }, refunds: 'never' },
  month: { by: ['agent', 'address'], window: { rolling: 'P30D' }, refunds: 'never' },
};

/** Books with a deposit, a settled payment and one that is held, in a file that can be tampered with. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-check-'));
  path = join(folder, 'books.db');
  store = await openBooks(path);
  chain = new ModelChain();
  agent = await addAgent(store, 'payer');
  const follower = createFollower({
    store: asLeader(store),
    chain,
    clock: () => 0,
    chainId: CHAIN_ID,
    finality: { kind: 'depth', blocks: 2 },
    startBlock: 0n,
  });
  chain.mine(chain.send({ kind: 'mint', to: TREASURY, amount: 100_000_000n }));
  chain.mine(chain.send({ kind: 'transfer', from: TREASURY, to: agent.wallet, amount: 50_000_000n }));
  await follower.tick();
  const payment = await store.write((tx) => addPayment(tx, { agent, to: SELLER, amount: 10_000_000n }));
  await store.write(async (tx) => {
    await addPayment(tx, { agent, to: SELLER, amount: 5_000_000n });
    const subject = { agent: agent.id, sponsor: 'spn_1', workflow: null, payee: null, address: SELLER };
    const rest = { category: null, kind: 'payout', asset: 'USDC', network: 'eip155:31337', host: null };
    await addToMeters(
      tx,
      { declarations: meters, subject: { ...subject, ...rest }, atMs: 0 },
      { id: payment.id, amountMicro: 10_000_000n },
    );
  });
  chain.mine(chain.send({ kind: 'pay', wallet: agent.wallet, policyDigest: POLICY, items: [payItem(payment)] }));
  await follower.tick();
  await store.write((tx) => appendEvent(tx, { type: 'server.started', actor: 'bursar' }, 0));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const check = () => checkFigures(store, { chainId: CHAIN_ID, source: chain });
const failing = async (): Promise<string[]> => (await check()).checks.filter(({ ok }) => !ok).map(({ name }) => name);

async function tamper(...commands: Command<None>[]): Promise<void> {
  await store.close();
  await tamperWith(path, commands);
  store = await openTestStore(path);
}

const addToEntry = statement()((db) =>
  db
    .updateTable('ledger_entries')
    .set((eb) => ({ amount_micro: eb('amount_micro', '+', 1n) }))
    .where('id', '=', 1n),
);
const setEntry = (of: { to_account?: string; amount_micro?: bigint; id?: bigint }): Command<None> =>
  query((db) => db.updateTable('ledger_entries').set(of).where('id', '=', 1n));
const setPayments = (state: 'submitted' | 'settled', of: Updateable<Schema['payments']>): Command<None> =>
  query((db) => db.updateTable('payments').set(of).where('state', '=', state));

describe('checkFigures', () => {
  it('finds nothing wrong in good books, and tells what it looked at', async () => {
    const result = await check();
    expect(result.findings).toEqual([]);
    expect(result.ok).toBe(true);
    expect(result.checks.every(({ detail }) => detail.endsWith('.'))).toBe(true);
    expect(result.figures).toMatchObject({
      payments: 2,
      transfers: 2,
      wallets: 1,
      block: 3n,
      booksMicro: 40_000_000n,
      chainMicro: 40_000_000n,
    });
  });

  it('without a chain says that this part was not checked', async () => {
    const result = await checkFigures(store, null);
    expect(result.ok).toBe(true);
    expect(result.checks.at(-1)).toMatchObject({
      name: 'chain_balances',
      detail: expect.stringContaining('Not checked'),
    });
    expect(result.figures).toMatchObject({ block: null, chainMicro: null });
  });

  it.each<[string, Command<None>[], string]>([
    [
      'an event’s body was changed',
      [
        query((db, f) =>
          db
            .updateTable('events')
            .set((eb) => ({ body: f.replaced(eb.ref('body'), 'USDC', 'EURC'), at: eb('at', '+', 1n) }))
            .where('seq', '=', 2n),
        ),
        query((db) =>
          db
            .updateTable('events')
            .set((eb) => ({ body: eb('body', '||', ' ') }))
            .where('seq', '=', 2n),
        ),
      ],
      'event_chain',
    ],
    ['an event is missing', [query((db) => db.deleteFrom('events').where('seq', '=', 2n))], 'event_chain'],
    [
      'the last events were cut off',
      [query((db) => db.deleteFrom('events').where('type', '=', 'payment.settled'))],
      'settled_payments_have_events',
    ],
    ['the first event is missing', [query((db) => db.deleteFrom('events').where('seq', '=', 1n))], 'event_chain'],
    [
      'an event’s columns were changed',
      [query((db) => db.updateTable('events').set({ agent_id: 'agt_other' }).where('seq', '=', 1n))],
      'event_chain',
    ],
    ['an entry lost a side', [setEntry({ to_account: '' })], 'entries_balance'],
    ['an entry moves nothing', [setEntry({ amount_micro: 0n })], 'entries_balance'],
    [
      'an entry goes back to where it came from',
      [
        query((db) =>
          db
            .updateTable('ledger_entries')
            .set((eb) => ({ to_account: eb.ref('from_account') }))
            .where('id', '=', 1n),
        ),
      ],
      'entries_balance',
    ],
    ['an entry has another amount', [addToEntry], 'balances_match_postings'],
    [
      'an entry is missing',
      [query((db) => db.deleteFrom('ledger_entries').where('id', '=', 1n))],
      'entries_are_numbered',
    ],
    ['the first entry and its balances are missing', [setEntry({ id: 99n })], 'entries_are_numbered'],
    [
      'a balance was changed',
      [
        query((db) =>
          db
            .updateTable('balances')
            .set((eb) => ({ amount_micro: eb('amount_micro', '+', 1n) }))
            .where('account', 'like', '%:available'),
        ),
      ],
      'balances_match_postings',
    ],
    [
      'a balance is missing',
      [query((db) => db.deleteFrom('balances').where('account', 'like', '%:available'))],
      'balances_match_postings',
    ],
    [
      'a hold was changed',
      [
        query((db) =>
          db
            .updateTable('payments')
            .set((eb) => ({ held_micro: eb('held_micro', '-', 1n) }))
            .where('state', '=', 'submitted'),
        ),
      ],
      'holds_match_reserved',
    ],
    ['a settled payment holds money', [setPayments('settled', { held_micro: 1n })], 'idle_payments_hold_nothing'],
    [
      'a submitted payment holds too little',
      [setPayments('submitted', { held_micro: 1n })],
      'waiting_payments_are_held',
    ],
    ['a meter was changed', [query((db) => db.updateTable('meters').set({ total_micro: 1n }))], 'meters_match_entries'],
    ['a meter is missing', [query((db) => db.deleteFrom('meters'))], 'meters_match_entries'],
    ['a payment was taken out of its meters', [query((db) => db.deleteFrom('meter_entries'))], 'meters_match_entries'],
    ['a rolling window lost a payment', [query((db) => db.deleteFrom('meter_rolling'))], 'meters_match_entries'],
    [
      'a rolling window holds what does not count',
      [query((db) => db.updateTable('meter_rolling').set({ payment_id: 'pay_other' }))],
      'rolling_entries_count',
    ],
    [
      'a rolling window was moved to another meter',
      [query((db) => db.updateTable('meter_rolling').set({ meter: 'day' }))],
      'rolling_entries_count',
    ],
    [
      'a payment counts for less',
      [
        query((db) => db.updateTable('meter_entries').set({ amount_micro: 1n })),
        query((db) => db.updateTable('meter_rolling').set({ amount_micro: 1n })),
        query((db) => db.updateTable('meters').set({ total_micro: 1n })),
      ],
      'counted_payments_are_live',
    ],
    [
      'a settled payment has no transfer',
      [query((db) => db.deleteFrom('transfers').where('match_kind', '=', 'payment'))],
      'settled_payments_have_one_transfer',
    ],
    [
      'a settled payment names another log',
      [setPayments('settled', { log_index: 7n })],
      'settled_payments_have_one_transfer',
    ],
    [
      'a transfer names a payment that did not settle',
      [setPayments('settled', { state: 'submitted' })],
      'matched_transfers_have_their_match',
    ],
    ['a receivable is missing', [query((db) => db.deleteFrom('receivables'))], 'matched_transfers_have_their_match'],
  ])('finds that %s', async (_, commands, name) => {
    await tamper(...commands);
    expect(await failing()).toContain(name);
  });

  it('names the first event that is not as it was written', async () => {
    await tamper(query((db) => db.updateTable('events').set({ hash: 'f' }).where('seq', '>=', 3n)));
    const { findings } = await check();
    expect(findings).toEqual([expect.stringMatching(/^The event chain breaks at 3: /)]);
  });

  it('finds that a wallet holds something else than the books say, and names it', async () => {
    chain.tip.after.balances.set(agent.wallet, 39_999_999n);
    const result = await check();
    expect(result.findings).toEqual([
      `At block 3 the wallet ${agent.wallet} of ${agent.id} holds 39.999999 USDC and the books say 40.00.`,
    ]);
    expect(result.figures.chainMicro).toBe(39_999_999n);
  });

  it('compares at the follower’s block, not at the head', async () => {
    chain.mine(chain.send({ kind: 'mint', to: agent.wallet, amount: 1n }));
    expect((await check()).ok).toBe(true);
  });

  it('says so when the chain has another block than the books, or does not answer', async () => {
    chain.drop(1);
    chain.mine([]);
    expect((await check()).findings[0]).toMatch(/another block 3/);
    chain.failure = new Error('connect ECONNREFUSED');
    expect((await check()).findings[0]).toMatch(/could not be asked.*ECONNREFUSED/);
  });

  it('names only the first few of many', async () => {
    const bad = { kind: 'none', at: 0n, from_account: 'a', to_account: 'a', amount_micro: 1n };
    await tamper(query((db) => db.insertInto('ledger_entries').values(Array.from({ length: 10 }, () => bad))));
    const found = (await check()).checks.find(({ name }) => name === 'entries_balance');
    expect(found?.detail).toMatch(/and more\.$/);
    expect(found?.detail.match(/entry \d+ moves/g)).toHaveLength(5);
  });
});
