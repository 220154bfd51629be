import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { query } from '../../store/statement.ts';
import { setAgentStatus } from '../identity/agents.ts';
import { createApprover, revokeApprover } from '../identity/approvers.ts';
import { addPayeeAddress, updatePayee } from '../identity/payees.ts';
import type { GateContext } from './gate.ts';
import { requestPayment } from './gate.ts';
import type { Payment } from './payment.ts';
import { lapseReviews, type SignedVerdict, takeVerdict } from './review.ts';

const ada = numbered(0xada);
const act = { actor: 'test', atMs: NOON_MS };
let world: GateWorld;
let payment: Payment;

beforeEach(async () => {
  world = await gateWorld();
  await world.store.write((tx) =>
    createApprover(tx, act, { name: 'Ada', address: ada, roles: ['finance'], sponsor: null }),
  );
  payment = await ask('30');
});
afterEach(() => world.store.close());

const ask = async (usdc: string) =>
  (await world.store.write((tx) => requestPayment(tx, world.request({ amount: parseUsdc(usdc) }), world.context())))
    .payment;
/** The signature itself is checked before: at the interface for the server, in the contract for the chain. */
const signed = (changes: Partial<SignedVerdict> = {}): SignedVerdict => ({
  verdict: 'approve',
  approverAddress: ada,
  signature: '0x01',
  typedDataJson: '{}',
  expiresAtMs: NOON_MS + 86_400_000,
  reason: null,
  noLongerGood: [],
  ...changes,
});
const answer = (changes: Partial<SignedVerdict> = {}, context: Partial<GateContext> = {}) =>
  world.store.write((tx) =>
    takeVerdict(tx, payment.id, signed(changes), world.context({ atMs: NOON_MS + 60_000, ...context })),
  );
/** Whether each signature counted, in their order. */
const given = () =>
  world.store.read(async (tx) =>
    (await tx.all(query((db) => db.selectFrom('approvals').select('counts').orderBy('signed_at')))).map(
      (row) => row.counts,
    ),
  );
const reserved = () => world.store.read((tx) => balance(tx, agentAccount(world.agent.id, 'reserved')));

describe('a review', () => {
  it('is allowed once the approvals that the policy asks for are there, and keeps the hash that people signed', async () => {
    const approved = await answer();
    expect(approved).toMatchObject({ state: 'authorized', walletNonce: 0n, decisionHash: payment.decisionHash });
    expect(await reserved()).toBe(30_000_000n);
  });

  it('does not count the payment against its own budget when it is decided again', async () => {
    // 30 waits; 50 + 50 + 50 + 20 more fill the day to its 200.
    for (const usdc of ['24', '24', '24', '24', '24', '24', '24', '2']) await ask(usdc);
    expect((await answer()).state).toBe('authorized');
  });

  it('ends with one rejection and gives the money back', async () => {
    expect((await answer({ verdict: 'reject' })).state).toBe('rejected');
    expect(await reserved()).toBe(0n);
    await expect(answer()).rejects.toMatchObject({ code: 'invalid_transition' });
  });

  it('takes each approver once', async () => {
    await answer({ verdict: 'approve' });
    await expect(answer()).rejects.toMatchObject({ code: 'invalid_transition' });
  });

  it('answered by two people in the same moment goes out once', async () => {
    await world.store.write((tx) =>
      createApprover(tx, act, { name: 'Bob', address: numbered(0xb0b), roles: ['finance'], sponsor: null }),
    );
    const answers = await Promise.allSettled([answer(), answer({ approverAddress: numbered(0xb0b) })]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const nonces = await world.store.read((tx) =>
      tx.all(query((db) => db.selectFrom('payments').select('wallet_nonce').where('wallet_nonce', 'is not', null))),
    );
    expect(nonces).toHaveLength(1);
    expect(await reserved()).toBe(30_000_000n);
  });

  it("is not unlocked by the agent's own sponsor where the policy forbids it", async () => {
    await world.store.write((tx) =>
      createApprover(tx, act, {
        name: 'Boss',
        address: numbered(0xb055),
        roles: ['finance'],
        sponsor: world.sponsor.id,
      }),
    );
    expect((await answer({ approverAddress: numbered(0xb055) })).state).toBe('in_review');
    expect((await answer()).state).toBe('authorized');
    expect(await given()).toEqual([0n, 1n]);
  });

  it('takes no one who is not an approver, or no longer', async () => {
    await expect(answer({ approverAddress: numbered(0xbad) })).rejects.toMatchObject({ code: 'approver_not_found' });
    await world.store.write((tx) => revokeApprover(tx, act, 'Ada'));
    await expect(answer()).rejects.toMatchObject({ code: 'approver_not_found' });
    expect(await reserved()).toBe(30_000_000n);
  });

  it('takes no signature past its time', async () => {
    await expect(answer({ expiresAtMs: NOON_MS })).rejects.toMatchObject({ code: 'approval_invalid' });
  });

  it('waits on when the approver has not the role that is asked for', async () => {
    await world.store.write((tx) =>
      createApprover(tx, act, { name: 'Bob', address: numbered(0xb0b), roles: ['security'], sponsor: null }),
    );
    expect((await answer({ approverAddress: numbered(0xb0b) })).state).toBe('in_review');
    expect((await answer()).state).toBe('authorized');
    expect(await given()).toEqual([0n, 1n]);
  });

  it.each([
    [
      'the agent was frozen since',
      (tx: Parameters<Parameters<GateWorld['store']['write']>[0]>[0]) =>
        setAgentStatus(tx, act, world.agent.id, { status: 'frozen', reason: null }),
    ],
    [
      'the payee was blocked since',
      (tx: Parameters<Parameters<GateWorld['store']['write']>[0]>[0]) =>
        updatePayee(tx, act, world.payee.id, { status: 'blocked' }),
    ],
  ])('says no when %s, whatever was signed', async (_, change) => {
    await world.store.write(async (tx) => void (await change(tx)));
    expect((await answer()).state).toBe('rejected');
    expect(await reserved()).toBe(0n);
  });

  it('still pays the address that people saw when the payee has another one now', async () => {
    await world.store.write((tx) =>
      addPayeeAddress(tx, act, world.payee.id, { address: numbered(0xe71), verified: false, replaces: true }),
    );
    const after = await answer();
    expect(after.address).toBe(numbered(0xc0ffee));
    expect(['authorized', 'in_review', 'rejected']).toContain(after.state);
  });

  it('expires, gives the money back, and takes no signature afterwards', async () => {
    const late = NOON_MS + 86_400_000;
    await expect(answer({ expiresAtMs: late + 1 }, { atMs: late })).rejects.toMatchObject({ code: 'review_expired' });
    expect(await world.store.write((tx) => lapseReviews(tx, late - 1, 10))).toBe(0);
    expect(await world.store.write((tx) => lapseReviews(tx, late, 10))).toBe(1);
    expect(await reserved()).toBe(0n);
    await expect(answer()).rejects.toMatchObject({ code: 'invalid_transition' });
  });
});
