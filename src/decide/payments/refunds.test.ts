import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, numbered } from '../../../test/support/gateWorld.ts';
import { inbound } from '../../books/receivables/classify.ts';
import { readEarnings } from '../../books/receivables/earnings.ts';
import { findReceivable } from '../../books/receivables/readReceivables.ts';
import type { Receivable, ReceivableKind } from '../../books/receivables/receivable.ts';
import { finalizeReceivable, recordInflow } from '../../books/receivables/record.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import type { Agent } from '../identity/identity.ts';
import { readBundle, writeBundle } from '../policy/bundle.ts';
import { loadPolicy } from '../policy/loadPolicy.ts';
import { readStarterBundle } from '../policy/starter.ts';
import type { Recorded } from './answer.ts';
import { requestPayment } from './gate.ts';
import { findPayment } from './records.ts';
import { refundableOf, refundedOf } from './refunds.ts';
import type { PaymentRequest } from './request.ts';
import { transition } from './transition.ts';

const PAYER = numbered(0xfeed);
let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

let logs = 0;
/** As the follower would leave it; the money itself is in the agent's wallet already. */
async function earn(
  agent: Agent,
  amountMicro: bigint,
  kind: ReceivableKind = 'x402_sale',
  final = true,
): Promise<Receivable> {
  logs += 1;
  const txHash = `0x${logs.toString(16).padStart(64, '0')}`;
  return world.store.write(async (tx) => {
    const inflow = {
      chainId: 31_337,
      agentId: agent.id,
      place: 'wallet' as const,
      from: PAYER,
      to: agent.wallet?.address ?? '',
      amountMicro,
      txHash,
      nonce: null,
      atMs: 0,
    };
    const log = { blockNumber: 1n, blockHash: txHash, txHash, logIndex: 0 };
    const id = await recordInflow(tx, inflow, inbound(kind), { log, paymentId: null, atMs: 0 });
    const made = await findReceivable(tx, id);
    if (final && made) await finalizeReceivable(tx, made);
    return (await findReceivable(tx, id)) as Receivable;
  });
}
const refund = (of: Receivable, amountMicro: bigint, more: Partial<PaymentRequest> = {}): Promise<Recorded> =>
  world.store.write((tx) =>
    requestPayment(
      tx,
      world.request({
        kind: 'refund',
        amount: microUsdc(amountMicro),
        payee: null,
        address: PAYER,
        workflow: null,
        refundOf: of.id,
        ...more,
      }),
      world.context(),
    ),
  );
const pay = (amountMicro: bigint, more: Partial<PaymentRequest>) =>
  world.store.write((tx) =>
    requestPayment(tx, world.request({ amount: microUsdc(amountMicro), ...more }), world.context()),
  );

describe('a refund', () => {
  it('goes to the paying address and is linked to what it gives back', async () => {
    const sale = await earn(world.agent, 1_000_000n);
    const { payment } = await refund(sale, 400_000n);
    expect(payment).toMatchObject({ state: 'authorized', address: PAYER, receivableId: sale.id, refundOf: null });
    await expect(refund(sale, 1n, { address: numbered(0xbad) })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it.each([
    ['what nobody has explained', 'unmatched'],
    ['a deposit', 'deposit'],
    ['a refund', 'refund'],
  ] as const)('gives back no %s', async (_what, kind) => {
    await expect(refund(await earn(world.agent, 5n, kind), 1n)).rejects.toMatchObject({ code: 'payment_not_found' });
  });

  it('gives back nothing of another agent, and nothing that a reorg may still take away', async () => {
    const other = await world.addAgent('other', '10');
    await expect(refund(await earn(other, 5n), 1n)).rejects.toMatchObject({ code: 'payment_not_found' });
    const fresh = await earn(world.agent, 5n, 'x402_sale', false);
    await expect(refund(fresh, 1n)).rejects.toMatchObject({ code: 'receivable_not_final' });
  });

  it('never exceeds what was received in sum, whatever is asked, refused and taken back', () =>
    fc.assert(
      fc.asyncProperty(
        fc.bigInt(1n, 1_000n),
        fc.array(fc.record({ amount: fc.bigInt(1n, 600n), cancel: fc.boolean() }), { maxLength: 12 }),
        async (amount, asks) => {
          const sale = await earn(world.agent, amount);
          let live = 0n;
          for (const { amount: wanted, cancel } of asks) {
            if (live + wanted > amount) {
              await expect(refund(sale, wanted)).rejects.toMatchObject({ code: 'refund_exceeds_original' });
              continue;
            }
            const { payment } = await refund(sale, wanted);
            live += wanted;
            if (cancel) {
              await world.store.write((tx) => transition(tx, payment, 'cancel', { actor: 'test', atMs: 0 }));
              live -= wanted;
            }
            expect(
              await world.store.read(async (tx) => [await refundedOf(tx, sale.id), await refundableOf(tx, sale)]),
            ).toEqual([live, amount - live]);
          }
        },
      ),
      { numRuns: 25 },
    ));

  it('keeps its link when people decide on it', async () => {
    const sale = await earn(world.agent, 90_000_000n);
    const { payment } = await refund(sale, 30_000_000n);
    expect(payment.state).toBe('in_review');
    expect(await world.store.read((tx) => findPayment(tx, payment.id))).toMatchObject({ receivableId: sale.id });
    await expect(refund(sale, 60_000_001n)).rejects.toMatchObject({ code: 'refund_exceeds_original' });
  });
});

describe('earned money', () => {
  async function withPercent(percent: number): Promise<void> {
    const { bundle } = readBundle(await readStarterBundle());
    const yaml = (bundle.files['data.yaml'] ?? '').replace('spendable_percent: 100', `spendable_percent: ${percent}`);
    const data = structuredClone(bundle.data) as { controls: { earned_money: { spendable_percent: number } } };
    data.controls.earned_money.spendable_percent = percent;
    const policy = await loadPolicy(
      writeBundle({
        ...bundle,
        files: { ...bundle.files, 'data.yaml': yaml },
        data,
      }),
    );
    await world.store.close();
    world = await gateWorld(policy);
  }

  it('may not be spent where the rule says so; what the sponsor gave may, and refunds may', async () => {
    await withPercent(0);
    const vendor = await world.addAgent('vendor', '30');
    const own = { agentId: vendor.id };
    const sale = await earn(vendor, 20_000_000n);
    const { payment } = await pay(10_000_001n, own);
    expect(payment).toMatchObject({ state: 'denied', reasons: [{ code: 'earned_money', limit: 10_000_000 }] });
    expect((await pay(10_000_000n, own)).payment.state).toBe('authorized');
    expect((await pay(1n, own)).payment.state).toBe('denied');
    expect((await refund(sale, 20_000_000n, own)).payment.state).toBe('authorized');
    expect(await world.store.read((tx) => readEarnings(tx, vendor.id))).toEqual({
      received: 20_000_000n,
      passedOn: 20_000_000n,
    });
  });

  it('is what it was when a refund does not happen', async () => {
    const sale = await earn(world.agent, 20_000_000n);
    const { payment } = await refund(sale, 5_000_000n);
    const passedOn = async () => (await world.store.read((tx) => readEarnings(tx, world.agent.id))).passedOn;
    expect(await passedOn()).toBe(5_000_000n);
    await world.store.write((tx) => transition(tx, payment, 'cancel', { actor: 'test', atMs: 0 }));
    expect(await passedOn()).toBe(0n);
  });
});
