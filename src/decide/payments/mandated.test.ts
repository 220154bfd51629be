import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { newId } from '../../core/ids/ids.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { createApprover, revokeApprover } from '../identity/approvers.ts';
import { addPayeeAddress, updatePayee } from '../identity/payees.ts';
import { type MandateTerms, worstCase } from '../mandates/mandate.ts';
import { endMandate, requestMandate, signMandate } from '../mandates/mandates.ts';
import { requestPayment } from './gate.ts';
import type { PaymentRequest } from './request.ts';
import { transition } from './transition.ts';

const ada = numbered(0xada);
const act = { actor: 'test', atMs: NOON_MS };
const DAY = 86_400_000;
let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
  await world.store.write((tx) =>
    createApprover(tx, act, { name: 'Ada', address: ada, roles: ['finance'], sponsor: null }),
  );
});
afterEach(() => world.store.close());

const ask = async (usdc: string, changes: Partial<PaymentRequest> = {}, atMs = NOON_MS) =>
  (
    await world.store.write((tx) =>
      requestPayment(tx, world.request({ amount: parseUsdc(usdc), ...changes }), world.context({ atMs })),
    )
  ).payment;
async function mandate(changes: Partial<MandateTerms> = {}, sign = true) {
  const terms: MandateTerms = {
    agent: world.agent.id,
    payees: [world.payee.id],
    categories: [],
    hosts: [],
    perPayment: parseUsdc('40'),
    total: parseUsdc('100'),
    count: null,
    cadence: null,
    notBeforeMs: NOON_MS,
    expiresAtMs: NOON_MS + 30 * DAY,
    ...changes,
  };
  const id = newId('mandate');
  await world.store.write(async (tx) => {
    await requestMandate(tx, act, { id, terms, reason: 'monthly hosting' });
    if (sign) await signMandate(tx, act, id, { approverAddress: ada, signature: '0x01', typedDataJson: '{}' });
  });
  return id;
}

describe('a mandate', () => {
  it('stands in for the review of a large amount, and the payment names it', async () => {
    expect((await ask('30')).state).toBe('in_review');
    const id = await mandate();
    expect(await ask('30')).toMatchObject({ state: 'authorized', mandateId: id });
  });

  it('is not used where no review is asked for', async () => {
    await mandate();
    expect(await ask('5')).toMatchObject({ state: 'authorized', mandateId: null });
  });

  it('allows nothing before people have signed, and nothing after it ended', async () => {
    const id = await mandate({}, false);
    expect((await ask('30')).state).toBe('in_review');
    await world.store.write((tx) =>
      signMandate(tx, act, id, { approverAddress: ada, signature: '0x01', typedDataJson: '{}' }),
    );
    expect((await ask('30')).state).toBe('authorized');
    await world.store.write((tx) => endMandate(tx, act, id));
    expect((await ask('30')).state).toBe('in_review');
  });

  it('never lifts a deny', async () => {
    await mandate({ perPayment: parseUsdc('90'), total: parseUsdc('90') });
    expect((await ask('75')).state).toBe('denied');
    await world.store.write((tx) => updatePayee(tx, act, world.payee.id, { status: 'blocked' }));
    expect((await ask('30')).state).toBe('denied');
  });

  it('does not cover a changed address', async () => {
    await mandate();
    await world.store.write((tx) =>
      addPayeeAddress(tx, act, world.payee.id, { address: numbered(0xe71), verified: false, replaces: true }),
    );
    expect((await ask('30')).state).toBe('in_review');
  });

  it('ends at its total, holds included, and has it back from what is cancelled', async () => {
    await mandate();
    const first = await ask('40');
    await ask('40');
    expect((await ask('26')).state).toBe('in_review');
    await world.store.write((tx) => transition(tx, first, 'cancel', act));
    expect((await ask('26')).state).toBe('authorized');
  });

  it('is bounded per payment, in count, in time, to its payees and to its agent', async () => {
    await mandate({ count: 1 });
    expect((await ask('40.000001')).state).toBe('in_review');
    expect((await ask('30', {}, NOON_MS + 30 * DAY)).state).toBe('in_review');
    const other = await world.addAgent('other', '100');
    expect((await ask('30', { agentId: other.id })).state).toBe('in_review');
    expect((await ask('30')).state).toBe('authorized');
    expect((await ask('30')).state).toBe('in_review');
  });

  it('pays once from each occurrence of its cadence to the next', async () => {
    await mandate({ cadence: { rrule: 'FREQ=DAILY', zone: 'UTC' } });
    expect((await ask('30')).state).toBe('authorized');
    expect((await ask('30', {}, NOON_MS + DAY - 1)).state).toBe('in_review');
    expect((await ask('30', {}, NOON_MS + DAY)).state).toBe('authorized');
  });

  it("is not carried by the signature of the agent's own sponsor", async () => {
    const boss = numbered(0xb055);
    await world.store.write((tx) =>
      createApprover(tx, act, { name: 'Boss', address: boss, roles: ['finance'], sponsor: world.sponsor.id }),
    );
    const id = await mandate({}, false);
    await world.store.write((tx) =>
      signMandate(tx, act, id, { approverAddress: boss, signature: '0x01', typedDataJson: '{}' }),
    );
    expect((await ask('30')).state).toBe('in_review');
    await world.store.write((tx) =>
      signMandate(tx, act, id, { approverAddress: ada, signature: '0x01', typedDataJson: '{}' }),
    );
    expect((await ask('30')).state).toBe('authorized');
  });

  it('counts only signers who are approvers today, with a role that the review asks for', async () => {
    await mandate();
    await world.store.write((tx) => revokeApprover(tx, act, 'Ada'));
    expect((await ask('30')).state).toBe('in_review');
  });

  it.each([
    ['no payee, category or host', { payees: [] }],
    ['a cap above its total', { perPayment: parseUsdc('101') }],
    ['an end before its beginning', { expiresAtMs: NOON_MS - 1 }],
    ['a cadence that is none', { cadence: { rrule: 'whenever', zone: 'UTC' } }],
  ])('with %s is refused', async (_, changes) => {
    await expect(mandate(changes)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('shows the most that can move under it', () => {
    const terms = { perPayment: 40n, total: 100n };
    expect([
      worstCase({ ...terms, count: null }),
      worstCase({ ...terms, count: 2 }),
      worstCase({ ...terms, count: 9 }),
    ]).toEqual([100n, 80n, 100n]);
  });
});
