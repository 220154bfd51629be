import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { newId } from '../../core/ids/ids.ts';
import { flatMapInOrder } from '../../core/inOrder.ts';
import { microUsdc, parseUsdc } from '../../core/money/microUsdc.ts';
import { everyRow, tablesOf } from '../../store/rows.ts';
import { statement } from '../../store/statement.ts';
import type { Store, Tx } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { createApprover } from '../identity/approvers.ts';
import { requestMandate, signMandate } from '../mandates/mandates.ts';
import { requestPayment } from '../payments/gate.ts';
import { takeVerdict } from '../payments/review.ts';
import type { GateContext } from '../payments/rules.ts';
import { type Decision, failedDecision, resultTextOf } from '../policy/decision.ts';
import type { Policy } from '../policy/policy.ts';
import { addBundle, addShadow } from './queries.ts';
import { createShadow, MS_AT_ONCE, MS_PER_PAYMENT } from './shadow.ts';

const ada = numbered(0xada);
const folder = mkdtempSync(join(tmpdir(), 'bursar-shadow-'));
const file = (name: string): string => join(folder, `${name}.db`);
let world: GateWorld;

/** One file with everybody in it, and a mandate that stands in for some reviews; each run works on copies of it. */
beforeAll(async () => {
  world = await gateWorld(undefined, file('world'));
  const act = { actor: 'test', atMs: NOON_MS };
  const terms = {
    agent: world.agent.id,
    payees: [world.payee.id],
    categories: [],
    hosts: [],
    perPayment: parseUsdc('40'),
    total: parseUsdc('60'),
    count: null,
    cadence: null,
    notBeforeMs: NOON_MS,
    expiresAtMs: NOON_MS + 86_400_000,
  };
  await world.store.write(async (tx) => {
    await createApprover(tx, act, { name: 'Ada', address: ada, roles: ['finance'], sponsor: null });
    const id = newId('mandate');
    await requestMandate(tx, act, { id, terms, reason: 'hosting' });
    await signMandate(tx, act, id, { approverAddress: ada, signature: '0x01', typedDataJson: '{}' });
    await addCandidate(tx);
  });
  await world.store.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const answers: Record<string, Decision | 'throws'> = {
  allow: { effect: 'allow', reasons: [{ code: 'ok', rule: 'r', message: 'Fine.' }], review: null },
  deny: { effect: 'deny', reasons: [{ code: 'no', rule: 'r', message: 'No.' }], review: null },
  review: {
    effect: 'review',
    reasons: [{ code: 'ask', rule: 'large_amount', message: 'Ask.' }],
    review: { quorum: 1, roles: ['finance'], expiresInMs: 3_600_000 },
  },
  error: failedDecision('policy_error'),
  timeout: failedDecision('policy_timeout'),
  throws: 'throws',
};

/** A policy of another maker: answers one after another, whatever is asked, or breaks its promise and throws. */
function candidateOf(said: string[], policy: Policy): Policy {
  let next = 0;
  return {
    ...policy,
    digest: 'sha256:candidate',
    settings: {
      ...policy.settings,
      timezone: 'Asia/Tokyo',
      x402: { ...policy.settings.x402, floatTarget: parseUsdc('9') },
    },
    evaluate: () => {
      const decision = answers[said[next++ % said.length] ?? 'allow'] ?? 'throws';
      if (decision === 'throws') throw new TypeError('a broken promise');
      return { decision, resultText: resultTextOf(decision) };
    },
    route: (input) => policy.route(input),
  };
}

/** The candidate that `candidateOf` makes. The first in shadow has the number 1. */
async function addCandidate(tx: Tx): Promise<void> {
  await tx.run(addBundle, { digest: 'sha256:candidate', bundle: '{}', note: 'none', at: 0 });
  await tx.run(addShadow, { digest: 'sha256:candidate', meters: '{}', by: 'test', at: 0 });
}
const decidedInShadow = statement()((db) =>
  db.selectFrom('policy_shadow_counts').select((eb) => eb.fn.sum<bigint>('count').as('n')),
);

/** Every row of every table but the shadow's own; random ids are told by the order of their appearance. */
async function gateRows(store: Store): Promise<string[]> {
  return store.read(async (tx) => {
    const tables = (await tablesOf(tx)).filter((name) => !/^policy_(shadow|differences)/.test(name));
    const names = new Map<string, string>();
    const stable = (text: string): string =>
      text.replace(/(pay|apv)_[0-9a-z]{26}/g, (id) => {
        if (!names.has(id)) names.set(id, `id ${names.size}`);
        return names.get(id) ?? id;
      });
    return flatMapInOrder(['payments', ...tables], async (table) =>
      (await tx.all(everyRow(table)))
        .filter((row) => table !== 'events' || !String(row.type).startsWith('policy.shadow'))
        .map((row) => {
          const shown = Object.entries(row).filter(
            ([column]) => column !== 'chain_key' && !(table === 'events' && /^(seq|hash|body)$/.test(column)),
          );
          const body = table === 'events' ? bodyOf(String(row.body)) : '';
          return stable(
            `${table} ${JSON.stringify(shown, (_, value) => (typeof value === 'bigint' ? `${value}` : value))} ${body}`,
          );
        }),
    );
  });
}
/** An event without its place in the chain, which the shadow's own events move, and without the digest of a row that holds random ids. */
function bodyOf(text: string): string {
  const { seq: _, prev_hash: __, ...rest } = JSON.parse(text) as Record<string, unknown>;
  return JSON.stringify(rest, (name, value) => (name === 'row' ? undefined : value));
}

type Ask = { usdc: string; rail: 'wallet' | 'x402'; approve: boolean };

async function play(store: Store, asks: Ask[], shadow: GateContext['shadow']): Promise<string[]> {
  const told: string[] = [];
  for (const [index, { usdc, rail, approve }] of asks.entries()) {
    const context = world.context({ atMs: NOON_MS + index * 61_000, shadow: shadow ?? null });
    const x402 = {
      path: '/ocr',
      method: 'GET',
      scheme: 'exact',
      payment_flow: 'authorization',
      max_timeout_seconds: 60,
      resource: 'https://grace.example/ocr',
      description: null,
    };
    const request = world.request({
      idempotencyKey: `ask-${index}`,
      amount: microUsdc(parseUsdc(usdc)),
      rail,
      ...(rail === 'x402'
        ? { kind: 'purchase', payee: null, host: 'grace.example', address: numbered(0xc0ffee), x402 }
        : {}),
    });
    const { payment } = await store.write((tx) => requestPayment(tx, request, context));
    told.push(`${payment.state} ${payment.reasons.map(({ code }) => code).join()}`);
    if (!approve || payment.state !== 'in_review') continue;
    const verdict = {
      verdict: 'approve' as const,
      approverAddress: ada,
      signature: '0x01',
      typedDataJson: '{}',
      expiresAtMs: NOON_MS * 2,
      reason: null,
      noLongerGood: [],
    };
    told.push((await store.write((tx) => takeVerdict(tx, payment.id, verdict, context))).state);
  }
  return told;
}

describe('a shadow', () => {
  it('leaves every answer and every row as they are without it, whatever the candidate says or does', async () => {
    const ask = fc.record({
      usdc: fc.constantFrom('0.02', '3', '24.999999', '30', '45', '60', '2000'),
      rail: fc.constantFrom('wallet' as const, 'x402' as const),
      approve: fc.boolean(),
    });
    const said = fc.array(fc.constantFrom(...Object.keys(answers)), { minLength: 1, maxLength: 6 });
    const reached = new Set<string>();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(ask, { minLength: 1, maxLength: 10 }), said, async (asks, replies) => {
        count += 1;
        const [alone, beside] = (await Promise.all(
          [`alone ${count}`, `beside ${count}`].map((name) => {
            copyFileSync(file('world'), file(name));
            return openTestStore(file(name));
          }),
        )) as [Store, Store];
        const shadow = createShadow(
          { seq: 1, policy: candidateOf(replies, world.policy), own: null },
          { now: () => 0, dropped: () => {} },
        );
        const expected = await play(alone, asks, null);
        expect(await play(beside, asks, shadow)).toEqual(expected);
        expect(await gateRows(beside)).toEqual(await gateRows(alone));
        const decided = await beside.read((tx) => tx.get(decidedInShadow));
        expect(decided?.n).toBe(BigInt(asks.length));
        for (const each of expected) reached.add(each.split(' ')[0] ?? '');
        await Promise.all([alone.close(), beside.close()]);
      }),
      {
        numRuns: 25,
        examples: [[['3', '45', '2000'].map((usdc) => ({ usdc, rail: 'wallet', approve: false })), ['deny', 'throws']]],
      },
    );
    expect([...reached]).toEqual(expect.arrayContaining(['authorized', 'denied', 'in_review']));
  });
});

describe("a candidate's time", () => {
  const spend = async (perPaymentMs: number, payments: number): Promise<number | null> => {
    const made = await gateWorld();
    let clock = 0;
    let droppedAt: number | null = null;
    await made.store.write(async (tx) => {
      await addCandidate(tx);
    });
    const policy = candidateOf(['allow'], made.policy);
    const slow: Policy = {
      ...policy,
      evaluate: (text) => {
        clock += perPaymentMs;
        return policy.evaluate(text);
      },
    };
    let asked = 0;
    const shadow = createShadow(
      { seq: 1, policy: slow, own: null },
      {
        now: () => clock,
        dropped: () => {
          droppedAt = asked;
        },
      },
    );
    for (; asked < payments && droppedAt === null; asked += 1) {
      await made.store.write((tx) => requestPayment(tx, made.request(), made.context({ shadow })));
    }
    await made.store.close();
    return droppedAt;
  };

  it('is so much for each payment in the long run', async () => {
    expect(await spend(MS_PER_PAYMENT, 150)).toBeNull();
  });

  it('is so much at once, and then no more', async () => {
    expect(await spend(MS_AT_ONCE + MS_PER_PAYMENT, 1)).toBeNull();
    expect(await spend(MS_AT_ONCE + MS_PER_PAYMENT + 1, 1)).toBe(0);
    expect(await spend(MS_PER_PAYMENT + 50, 150)).toBe(10);
  });
});
