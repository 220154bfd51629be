import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { bookChecks } from '../../books/ledger/bookChecks.ts';
import { chainHash, GENESIS_HASH } from '../../books/ledger/events.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { Tx } from '../../store/store.ts';
import { setAgentStatus } from '../identity/agents.ts';
import { addPayeeAddress, createPayee } from '../identity/payees.ts';
import { setSponsorStatus } from '../identity/sponsors.ts';
import { requestPayment } from './gate.ts';
import { findPayment } from './records.ts';
import type { PaymentRequest } from './request.ts';
import { transition } from './transition.ts';

const MINUTE = 60_000;
const onOff = fc.constantFrom('active' as const, 'frozen' as const);
const act = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('pay' as const), amount: fc.bigInt(1n, 60_000_000n) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lost' as const), amount: fc.bigInt(1n, 60_000_000n) }) },
  // Names that read like the other ways to look a payee up: of nobody, and of a payee that was named so.
  { weight: 4, arbitrary: fc.record({ do: fc.constant('named' as const), by: fc.nat(2), form: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unnamed' as const), by: fc.nat(2), host: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('christen' as const), by: fc.nat(2), form: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('agent' as const), status: onOff, lost: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sponsor' as const), status: onOff, lost: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('move' as const), to: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ceiling' as const), micro: fc.nat(90_000_000) }) },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;
/** One commit: how long after the one before (the clock may be set back), whether its jobs may be run twice, and what they do. */
const commits = fc.array(
  fc.record({
    gap: fc.integer({ min: -5, max: 40 }),
    repeatable: fc.boolean(),
    acts: fc.array(act, { minLength: 1, maxLength: 8 }),
  }),
  { maxLength: 8 },
);

/** Addresses and hosts, some of them the payee's own. */
const addressAt = (n: number) => numbered(n === 0 ? 0xc0ffee : 0xc0 + n);
const hostAt = (n: number): string => (n === 0 ? 'grace.example' : `h${n}.example`);
const lookups = (n: number): string[] => [
  `by ${addressAt(n)}`,
  `at ${hostAt(n)}`,
  `of researcher`,
  `payee by ${addressAt(n)}`,
  `payeeByAddress ${addressAt(n)}`,
  `payeeByHost:${hostAt(n)}`,
  addressAt(n),
  hostAt(n),
];

/** What one job did, in words that two stores can be compared by. */
function does(world: GateWorld, tx: Tx, each: Act, key: string, atMs: number): string {
  const by = { actor: 'test', atMs };
  const lose = (lost: boolean): string => {
    if (lost) throw new Error('lost');
    return each.do;
  };
  switch (each.do) {
    case 'pay':
    case 'lost':
    case 'named':
    case 'unnamed': {
      const amount = microUsdc('amount' in each ? each.amount : 1n);
      const request = world.request({ idempotencyKey: key, amount, ...payeeAsked(each) });
      const answer = requestPayment(tx, request, world.context({ atMs }));
      const { payment } = answer;
      const inputText = answer.replayed ? '{}' : answer.evidence.inputText;
      lose(each.do === 'lost');
      const { meters } = JSON.parse(inputText) as { meters?: unknown };
      const codes = payment.reasons.map(({ code }) => code);
      const who = payment.payeeId === null ? null : (JSON.parse(inputText) as { payee?: { name: string } }).payee?.name;
      return JSON.stringify([payment.state, codes, who, payment.address, String(payment.walletNonce), meters]);
    }
    case 'cancel': {
      const rows = tx.all<{ id: string }>(
        "SELECT id FROM payments WHERE state IN ('authorized', 'in_review') ORDER BY idempotency_key",
      );
      const payment = findPayment(tx, rows[each.pick % Math.max(rows.length, 1)]?.id ?? '');
      return payment ? transition(tx, payment, 'cancel', by).idempotencyKey : 'none';
    }
    case 'agent':
      setAgentStatus(tx, by, world.agent.id, { status: each.status, reason: null });
      return lose(each.lost);
    case 'sponsor':
      setSponsorStatus(tx, by, world.sponsor.id, each.status);
      return lose(each.lost);
    case 'move':
      addPayeeAddress(tx, by, world.payee.id, { address: numbered(0xc0 + each.to), verified: true, replaces: true });
      return each.do;
    case 'christen':
      createPayee(tx, by, {
        name: lookups(each.by)[each.form] ?? 'nobody',
        kind: 'merchant',
        agentId: null,
        categories: [],
        hosts: [],
        addresses: [{ address: addressAt(each.by), verified: true }],
      });
      return each.do;
    case 'ceiling':
      tx.run("UPDATE wallets SET ceilings_json = json_set(ceilings_json, '$.perPayment', ?)", String(each.micro));
      return each.do;
  }
}

/** `named`: a payee's name with an address beside it. `unnamed`: only an address, or only a host with its seller's address. */
function payeeAsked(each: Act): Partial<PaymentRequest> {
  if (each.do === 'named') {
    return { payee: lookups(each.by)[each.form] ?? 'nobody', address: addressAt(0) };
  }
  if (each.do !== 'unnamed') return {};
  const host = each.host ? hostAt(each.by) : null;
  return { payee: null, host, address: addressAt(each.by) };
}

/** A transaction that remembers nothing. */
const forgetful = ({ get, all, run, afterCommit }: Tx): Tx => ({ get, all, run, afterCommit });
const errorOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

it('what is remembered, shared and run again decides as one request a commit does that remembers nothing', () =>
  fc.assert(
    fc.asyncProperty(commits, async (plan) => {
      const [shared, alone] = [await gateWorld(), await gateWorld()];
      let atMs = NOON_MS;
      for (const [n, { gap, repeatable, acts }] of plan.entries()) {
        atMs += gap * MINUTE;
        const key = (index: number): string => `key ${n} ${index}`;
        const together = await Promise.all(
          acts.map((each, index) =>
            shared.store.write((tx) => does(shared, tx, each, key(index), atMs), { repeatable }).catch(errorOf),
          ),
        );
        const apart: string[] = [];
        for (const [index, each] of acts.entries()) {
          const job = (tx: Tx): string => does(alone, forgetful(tx), each, key(index), atMs);
          apart.push(await alone.store.write(job).catch(errorOf));
        }
        expect(together).toEqual(apart);
      }
      expect(shared.store.read(bookChecks).filter(({ ok }) => !ok)).toEqual([]);
      let hash = GENESIS_HASH;
      const events = shared.store.read((tx) =>
        tx.all<{ seq: bigint; body: string; hash: string }>('SELECT seq, body, hash FROM events ORDER BY seq'),
      );
      for (const [index, event] of events.entries()) {
        hash = chainHash(hash, event.body);
        expect([Number(event.seq), event.hash]).toEqual([index + 1, hash]);
      }
      await shared.store.close();
      await alone.store.close();
    }),
    { numRuns: 40 },
  ));
