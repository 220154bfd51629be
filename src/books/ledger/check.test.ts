import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
import { openStore, type Store } from '../../store/store.ts';
import type { MeterDeclarations } from '../meters/declarations.ts';
import { addToMeters } from '../meters/meters.ts';
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
    store,
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
  await store.write((tx) => {
    addPayment(tx, { agent, to: SELLER, amount: 5_000_000n });
    const subject = { agent: agent.id, sponsor: 'spn_1', workflow: null, payee: null, address: SELLER };
    const rest = { category: null, kind: 'payout', asset: 'USDC', network: 'eip155:31337', host: null };
    addToMeters(tx, meters, { ...subject, ...rest }, { id: payment.id, amountMicro: 10_000_000n }, 0);
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

/** What somebody with the file in hand can do, triggers or not. */
async function tamper(sql: string): Promise<void> {
  await store.close();
  const file = new Database(path);
  for (const table of ['events', 'entries']) {
    for (const act of ['update', 'delete']) file.exec(`DROP TRIGGER ${table}_append_only_${act}`);
  }
  file.pragma('foreign_keys = OFF');
  file.pragma('ignore_check_constraints = ON');
  file.exec(sql);
  file.close();
  store = await openStore(path);
}

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

  it.each<[string, string, string]>([
    [
      'an event’s body was changed',
      "UPDATE events SET body = replace(body, 'USDC', 'EURC'), at = at + 1 WHERE seq = 2; UPDATE events SET body = body || ' ' WHERE seq = 2",
      'event_chain',
    ],
    ['an event is missing', 'DELETE FROM events WHERE seq = 1 + (SELECT min(seq) FROM events)', 'event_chain'],
    [
      'the last events were cut off',
      "DELETE FROM events WHERE type = 'payment.settled'",
      'settled_payments_have_events',
    ],
    ['the first event is missing', 'DELETE FROM events WHERE seq = 1', 'event_chain'],
    ['an event’s columns were changed', "UPDATE events SET agent_id = 'agt_other' WHERE seq = 1", 'event_chain'],
    ['an entry lost a side', "UPDATE ledger_entries SET to_account = '' WHERE id = 1", 'entries_balance'],
    ['an entry moves nothing', 'UPDATE ledger_entries SET amount_micro = 0 WHERE id = 1', 'entries_balance'],
    [
      'an entry goes back to where it came from',
      'UPDATE ledger_entries SET to_account = from_account WHERE id = 1',
      'entries_balance',
    ],
    [
      'an entry has another amount',
      'UPDATE ledger_entries SET amount_micro = amount_micro + 1 WHERE id = 1',
      'balances_match_postings',
    ],
    ['an entry is missing', 'DELETE FROM ledger_entries WHERE id = 1', 'entries_are_numbered'],
    [
      'the first entry and its balances are missing',
      'UPDATE ledger_entries SET id = 99 WHERE id = 1',
      'entries_are_numbered',
    ],
    [
      'a balance was changed',
      "UPDATE balances SET amount_micro = amount_micro + 1 WHERE account LIKE '%:available'",
      'balances_match_postings',
    ],
    ['a balance is missing', "DELETE FROM balances WHERE account LIKE '%:available'", 'balances_match_postings'],
    [
      'a hold was changed',
      "UPDATE payments SET held_micro = held_micro - 1 WHERE state = 'submitted'",
      'holds_match_reserved',
    ],
    [
      'a settled payment holds money',
      "UPDATE payments SET held_micro = 1 WHERE state = 'settled'",
      'idle_payments_hold_nothing',
    ],
    [
      'a submitted payment holds too little',
      "UPDATE payments SET held_micro = 1 WHERE state = 'submitted'",
      'waiting_payments_are_held',
    ],
    ['a meter was changed', 'UPDATE meters SET total_micro = 1', 'meters_match_entries'],
    ['a meter is missing', 'DELETE FROM meters', 'meters_match_entries'],
    ['a payment was taken out of its meters', 'DELETE FROM meter_entries', 'meters_match_entries'],
    ['a rolling window lost a payment', 'DELETE FROM meter_rolling', 'meters_match_entries'],
    [
      'a rolling window holds what does not count',
      "UPDATE meter_rolling SET payment_id = 'pay_other'",
      'rolling_entries_count',
    ],
    ['a rolling window was moved to another meter', "UPDATE meter_rolling SET meter = 'day'", 'rolling_entries_count'],
    [
      'a payment counts for less',
      'UPDATE meter_entries SET amount_micro = 1; UPDATE meter_rolling SET amount_micro = 1; UPDATE meters SET total_micro = 1',
      'counted_payments_are_live',
    ],
    [
      'a settled payment has no transfer',
      "DELETE FROM transfers WHERE match_kind = 'payment'",
      'settled_payments_have_one_transfer',
    ],
    [
      'a settled payment names another log',
      "UPDATE payments SET log_index = 7 WHERE state = 'settled'",
      'settled_payments_have_one_transfer',
    ],
    [
      'a transfer names a payment that did not settle',
      "UPDATE payments SET state = 'submitted' WHERE state = 'settled'",
      'matched_transfers_have_their_match',
    ],
    ['a receivable is missing', 'DELETE FROM receivables', 'matched_transfers_have_their_match'],
  ])('finds that %s', async (_, sql, name) => {
    await tamper(sql);
    expect(await failing()).toContain(name);
  });

  it('names the first event that is not as it was written', async () => {
    await tamper("UPDATE events SET hash = 'f' WHERE seq >= 3");
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
    const bad =
      "INSERT INTO ledger_entries (kind, at, from_account, to_account, amount_micro) VALUES ('none', 0, 'a', 'a', 1);";
    await tamper(bad.repeat(10));
    const found = (await check()).checks.find(({ name }) => name === 'entries_balance');
    expect(found?.detail).toMatch(/and more\.$/);
    expect(found?.detail.match(/entry \d+ moves/g)).toHaveLength(5);
  });
});
