import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { earnSale } from '../../../test/support/earnSale.ts';
import { type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { bookChecks } from '../../books/ledger/bookChecks.ts';
import { newId, type PaymentId, type ReceivableId } from '../../core/ids/ids.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { microUsdc, parseUsdc } from '../../core/money/microUsdc.ts';
import { everyRow, tablesOf } from '../../store/rows.ts';
import { query, statement } from '../../store/statement.ts';
import type { Store, Tx } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { setAgentStatus } from '../identity/agents.ts';
import { createApprover } from '../identity/approvers.ts';
import type { Agent } from '../identity/identity.ts';
import { addPayeeAddress, createPayee } from '../identity/payees.ts';
import { setSponsorStatus } from '../identity/sponsors.ts';
import { requestMandate, signMandate } from '../mandates/mandates.ts';
import { checkPayment } from './gate.ts';
import { createGate, type Gate } from './gateQueue.ts';
import { findPayment } from './records.ts';
import type { PaymentRequest } from './request.ts';
import { takeVerdict } from './review.ts';
import type { Rules } from './rules.ts';
import { transition } from './transition.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const approver = numbered(0xa9);
const payer = numbered(0xfeed);

let folder: string;
let world: GateWorld;
let agents: Agent[];
let earned: ReceivableId;
let copies = 0;

/** Two agents of one sponsor, payees whose names read like other ways to look one up, a mandate, and a sale that can be refunded. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-group-'));
  world = await gateWorld(undefined, join(folder, 'base.db'));
  agents = [world.agent, await world.addAgent('writer', '150')];
  const act = { actor: 'test', atMs: NOON_MS - DAY };
  earned = await world.store.write(async (tx) => {
    for (const [n, name] of lookups.entries()) {
      const addresses = [{ address: addressAt(n % 3), verified: n % 2 === 0 }];
      await createPayee(tx, act, { name, kind: 'merchant', agentId: null, categories: [], hosts: [], addresses });
    }
    await createApprover(tx, act, { name: 'Ada', address: approver, roles: ['finance'], sponsor: null });
    const mandate = newId('mandate');
    const terms = {
      ...{ agent: world.agent.id, payees: [world.payee.id], categories: [], hosts: [], cadence: null, count: null },
      ...{ perPayment: parseUsdc('40'), total: parseUsdc('60'), notBeforeMs: act.atMs, expiresAtMs: NOON_MS + DAY },
    };
    await requestMandate(tx, act, { id: mandate, terms, reason: 'monthly hosting' });
    await signMandate(tx, act, mandate, { approverAddress: approver, signature: '0x01', typedDataJson: '{}' });
    return earnSale(tx, world.agent, payer);
  });
  await world.store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Addresses and hosts, some of them the payee's own. */
const addressAt = (n: number) => numbered(n === 0 ? 0xc0ffee : 0xc0 + n);
const hostAt = (n: number): string => (n === 0 ? 'grace.example' : `h${n}.example`);
const lookups = [
  `by ${addressAt(0)}`,
  `at ${hostAt(1)}`,
  'of researcher',
  `payeeByAddress ${addressAt(2)}`,
  addressAt(1),
  hostAt(0),
];

const amount = fc.bigInt(1n, 60_000_000n);
const who = fc.nat(1);
const onOff = fc.constantFrom('active' as const, 'frozen' as const);
const asked = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('pay' as const), who, amount }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('large' as const),
      who: fc.constant(0),
      amount: fc.bigInt(28_000_000n, 39_000_000n),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('named' as const), who, form: fc.nat(8), at: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('unnamed' as const), who, at: fc.nat(3), host: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('buy' as const), who, amount, at: fc.nat(2) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('refund' as const),
      who: fc.constant(0),
      amount: fc.bigInt(2_000_000n, 4_000_000n),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('forbidden' as const), who }) },
);
/** A request under a key of its own or under one that another has, whose follow-up fails in some. */
const call = fc.record({ asked, key: fc.option(fc.nat(4), { freq: 2 }), fails: fc.nat(12).map((n) => n === 0) });
const act = fc.oneof(
  fc.record({ do: fc.constant('agent' as const), who, status: onOff }),
  fc.record({ do: fc.constant('sponsor' as const), status: onOff }),
  fc.record({ do: fc.constant('move' as const), to: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constant('ceiling' as const), micro: fc.nat(90_000_000) }),
  fc.record({ do: fc.constant('cancel' as const), pick: fc.nat(20) }),
  fc.record({ do: fc.constant('answer' as const), pick: fc.nat(20), verdict: fc.constantFrom('approve', 'reject') }),
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;
/** Some requests at once, and what others do before them. `gap`: minutes since the ones before; a clock may be set back. */
const rounds = fc.array(
  fc.record({
    gap: fc.integer({ min: -5, max: 400 }),
    acts: fc.array(act, { maxLength: 3 }),
    calls: fc.array(call, { minLength: 1, maxLength: 9 }),
  }),
  { maxLength: 6 },
);

function requestOf({ asked, key }: Call, ownKey: string): PaymentRequest {
  const agent = agents[asked.who] as Agent;
  const kind = asked.do === 'buy' ? 'purchase' : asked.do === 'refund' ? 'refund' : 'payout';
  return world.request({
    agentId: agent.id,
    idempotencyKey: key === null ? ownKey : `shared key ${key}`,
    bodyHash: JSON.stringify(asked, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
    kind,
    amount: microUsdc('amount' in asked ? asked.amount : 1_000_000n),
    ...payeeOf(asked, agent),
  });
}

function payeeOf(asked: Call['asked'], agent: Agent): Partial<PaymentRequest> {
  switch (asked.do) {
    case 'pay':
    case 'large':
      return {};
    case 'named':
      return { payee: lookups[asked.form] ?? 'nobody', address: addressAt(asked.at) };
    case 'unnamed':
      return { payee: null, host: asked.host ? hostAt(asked.at) : null, address: addressAt(asked.at), workflow: null };
    case 'buy':
      return { payee: null, host: hostAt(asked.at), address: addressAt(asked.at), rail: 'x402', workflow: null };
    case 'refund':
      return { payee: null, address: payer, refundOf: earned };
    case 'forbidden':
      return { address: agent.wallet?.address ?? null };
  }
}

/** An administrator's act, in words that two stores can be compared by. */
async function does(tx: Tx, each: Act, atMs: number): Promise<string> {
  const by = { actor: 'test', atMs };
  switch (each.do) {
    case 'agent':
      return (await setAgentStatus(tx, by, (agents[each.who] as Agent).id, { status: each.status, reason: null }))
        .status;
    case 'sponsor':
      return (await setSponsorStatus(tx, by, world.sponsor.id, each.status)).status;
    case 'move': {
      const to = { address: numbered(0xc0 + each.to), verified: true, replaces: true };
      return String((await addPayeeAddress(tx, by, world.payee.id, to)).addresses.length);
    }
    case 'ceiling':
      return String(await tx.run(setCeiling, { ceilings: JSON.stringify(ceilings(each.micro)) }));
    case 'cancel':
    case 'answer': {
      const states = each.do === 'cancel' ? (['authorized', 'in_review'] as const) : (['in_review'] as const);
      const open = await tx.all(
        query((db) => db.selectFrom('payments').select('id').where('state', 'in', states).orderBy('id')),
      );
      const payment = await findPayment(tx, open[each.pick % Math.max(open.length, 1)]?.id ?? '');
      if (!payment) return 'none';
      if (each.do === 'cancel') return (await transition(tx, payment, 'cancel', by)).state;
      const signed = {
        ...{ verdict: each.verdict as 'approve', approverAddress: approver, signature: '0x01', typedDataJson: '{}' },
        ...{ expiresAtMs: atMs + MINUTE, reason: null, noLongerGood: [] },
      };
      // Ids of approvals are random: the two stores are compared without them.
      return (await takeVerdict(tx, payment.id, signed, { ...rulesAt(atMs), actor: 'test' })).state;
    }
  }
}
const setCeiling = statement<{ ceilings: string }>()((db, p) =>
  db.updateTable('wallets').set({ ceilings_json: p.ceilings }),
);
const ceilings = (micro: number) => ({ ...world.agent.wallet?.ceilings, perPayment: String(micro) });

/** Ids follow from the request, so that two stores can be compared byte for byte. */
const idOf = ({ agentId, idempotencyKey }: PaymentRequest): PaymentId =>
  `pay_${createHash('sha256').update(`${agentId} ${idempotencyKey}`).digest('hex').slice(0, 26)}` as PaymentId;
const rulesAt = (atMs: number): Rules => ({ ...world.context({ atMs }), newId: idOf });

class Copy {
  readonly store: Store;
  readonly gate: Gate;
  atMs = NOON_MS;
  private constructor(store: Store) {
    this.store = store;
    this.gate = createGate(store, () => rulesAt(this.atMs));
  }
  static async open(): Promise<Copy> {
    copies += 1;
    const path = join(folder, `copy-${copies}.db`);
    copyFileSync(join(folder, 'base.db'), path);
    return new Copy(await openTestStore(path));
  }

  async ask(call: Call, key: string): Promise<string> {
    const alsoWrite = async (tx: Tx): Promise<void> => {
      // It writes first: what it wrote must go as well.
      await tx.run(note, { name: key });
      if (call.fails) throw new Error('lost');
    };
    try {
      const made = await this.gate.ask({ request: requestOf(call, key), actor: 'key_test', alsoWrite });
      if (!made) return 'nothing';
      const { payment, replayed } = made.answer;
      const codes = payment.reasons.map(({ code }) => code);
      return JSON.stringify([payment.id, payment.state, codes, replayed, String(payment.walletNonce), payment.address]);
    } catch (error) {
      return String(error);
    }
  }
  /** What a dry run says now, in the words of the answer that the request then gets. */
  async foresee(call: Call, key: string): Promise<{ effect: string; codes: string[] } | string> {
    try {
      const { effect, reasons } = await this.store.read((tx) =>
        checkPayment(tx, requestOf(call, key), { ...rulesAt(this.atMs), actor: 'key_test' }),
      );
      return { effect, codes: reasons.map(({ code }) => code) };
    } catch (error) {
      return String(error);
    }
  }
  does(each: Act): Promise<string> {
    return this.store.write((tx) => does(tx, each, this.atMs)).catch(String);
  }
  /** Every row of every table, but the random ids and what the seals of those rows make of the event log. */
  async dump(): Promise<string> {
    return this.store.read(async (tx) => {
      const tables = (await tablesOf(tx)).filter((table) => table !== 'approvals');
      const read = async (table: string) => `${table}: ${(await tx.all(everyRow(table))).map(shown).sort().join('\n')}`;
      return (await mapInOrder(tables, read)).join('\n');
    });
  }
  async checks() {
    return (await this.store.read(bookChecks)).filter(({ ok }) => !ok);
  }
}
const note = statement<{ name: string }>()((db, p) =>
  db
    .insertInto('settings')
    .values({ name: p.name, value: '' })
    .onConflict((conflict) => conflict.doNothing()),
);
const shown = (row: object): string =>
  JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
const wordOf = { authorized: 'allow', in_review: 'review', denied: 'deny' } as Record<string, string>;

it('a group of any size leaves the rows and answers of as many groups of one, and a dry run foretells each', () =>
  fc.assert(
    fc.asyncProperty(rounds, async (plan) => {
      const [together, apart] = [await Copy.open(), await Copy.open()];
      let atMs = NOON_MS;
      try {
        for (const [round, { gap, acts, calls }] of plan.entries()) {
          atMs += gap * MINUTE;
          together.atMs = atMs;
          apart.atMs = atMs;
          for (const each of acts) expect(await together.does(each)).toBe(await apart.does(each));
          const key = (index: number): string => `own key ${round} ${index}`;
          const answers = await Promise.all(calls.map((each, index) => together.ask(each, key(index))));
          for (const [index, each] of calls.entries()) {
            const before = await apart.dump();
            const foreseen = await apart.foresee(each, key(index));
            expect(await apart.dump()).toBe(before);
            const answer = await apart.ask(each, key(index));
            expect(answers[index]).toBe(answer);
            if (typeof foreseen === 'string' || !answer.startsWith('[')) continue;
            const [, state, codes, replayed] = JSON.parse(answer) as [string, string, string[], boolean];
            if (!replayed) expect({ effect: wordOf[state], codes }).toEqual(foreseen);
          }
        }
        expect(await together.dump()).toBe(await apart.dump());
        expect(await together.checks()).toEqual([]);
      } finally {
        await together.store.close();
        await apart.store.close();
      }
    }),
    { numRuns: 40 },
  ));
