import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { statement } from '../../store/statement.ts';
import { requestPayment } from './gate.ts';
import { findPayment } from './records.ts';
import { settle, transition } from './transition.ts';

const heldByPayments = statement()((db) =>
  db.selectFrom('payments').select((eb) => eb.fn.sum<bigint | null>('held_micro').as('n')),
);
const countedToday = statement()((db) =>
  db
    .selectFrom('meters')
    .select((eb) => eb.fn.sum<bigint | null>('total_micro').as('n'))
    .where('meter', '=', 'agent_day'),
);
const sumOfPostings = statement()((db) =>
  db.selectFrom('postings').select((eb) => eb.fn.sum<bigint | null>('amount_micro').as('n')),
);

describe('money under any sequence of requests, settlements and failures', () => {
  it('is never created, lost or overspent, and meters show what is held or spent', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ act: fc.constant('ask' as const), amount: fc.bigInt(1n, 60_000_000n) }) },
      { weight: 2, arbitrary: fc.record({ act: fc.constant('settle' as const), pick: fc.nat(20) }) },
      { weight: 2, arbitrary: fc.record({ act: fc.constant('fail' as const), pick: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ act: fc.constant('cancel' as const), pick: fc.nat(20) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const world = await gateWorld();
        const { store, agent } = world;
        const open: string[] = [];
        let spent = 0n;
        let clock = NOON_MS;
        for (const each of steps) {
          clock += 61_000;
          if (each.act === 'ask') {
            const request = world.request({ amount: microUsdc(each.amount) });
            const { payment } = await store.write((tx) => requestPayment(tx, request, world.context({ atMs: clock })));
            if (payment.state === 'authorized' || payment.state === 'in_review') open.push(payment.id);
            continue;
          }
          const [id] = open.splice(each.pick % Math.max(open.length, 1), 1);
          if (!id) continue;
          await store.write(async (tx) => {
            const payment = await findPayment(tx, id);
            if (!payment) throw new Error('lost');
            const context = { actor: 'test', atMs: clock };
            if (payment.state === 'in_review') {
              await transition(tx, payment, each.act === 'settle' ? 'lapse' : 'cancel', context);
            } else if (each.act === 'settle') {
              const settlement = {
                txHash: `0x${'1'.repeat(64)}`,
                logIndex: 0,
                blockNumber: 1n,
                blockHash: `0x${'2'.repeat(64)}`,
                settledAtMs: clock,
              } as const;
              await settle(tx, payment, { settlement, credit: `external:${payment.address}` }, context);
              spent += payment.amount;
            } else {
              await transition(tx, payment, each.act, context);
            }
          });
        }
        const sums = await store.read(async (tx) => ({
          available: await balance(tx, agentAccount(agent.id, 'available')),
          reserved: await balance(tx, agentAccount(agent.id, 'reserved')),
          held: (await tx.get(heldByPayments))?.n ?? 0n,
          day: (await tx.get(countedToday))?.n ?? 0n,
          postings: (await tx.get(sumOfPostings))?.n ?? 0n,
        }));
        await store.close();
        const { available, reserved } = sums;
        expect(available + reserved + spent).toBe(1_000_000_000n);
        expect(sums.held).toBe(reserved);
        expect(sums.postings).toBe(0n);
        expect(sums.day).toBe(reserved + spent);
        expect(sums.day <= 200_000_000n).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
