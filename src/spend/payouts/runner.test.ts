import { beforeEach, describe, expect, it } from 'vitest';
import { chain, type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { createApprover, revokeApprover, setApproverRoles } from '../../decide/identity/approvers.ts';
import { createCredential, revokeCredential } from '../../decide/identity/credentials.ts';
import { createPayee } from '../../decide/identity/payees.ts';
import { requestPayment } from '../../decide/payments/gate.ts';
import { createGate } from '../../decide/payments/gateQueue.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { query } from '../../store/statement.ts';
import type { Tx } from '../../store/store.ts';
import { contentHash, type PayoutLine } from './line.ts';
import { openPayout } from './open.ts';
import { getPayout, linesAfter, type Payout, progressOf, setPayoutState } from './payout.ts';
import { previewLines } from './preview.ts';
import { readPayout } from './readPayout.ts';
import { createPayoutRunner, type PayoutRunner } from './runner.ts';

let world: GateWorld;
let credentialId: string;
let runner: PayoutRunner;
let woken: number;
const act = { actor: 'test', atMs: NOON_MS };
beforeEach(async () => {
  world = await gateWorld();
  credentialId = await world.store.write(
    async (tx) => (await createCredential(tx, act, { role: 'operator', agentId: null, name: 'finance' })).credential.id,
  );
  woken = 0;
  runner = createPayoutRunner({
    store: asLeader(world.store),
    gate: createGate(world.store, () => ({ policy: world.policy, chain, atMs: NOON_MS })),
    clock: () => NOON_MS,
    wake: () => {
      woken += 1;
    },
  });
});

const linesOf = (count: number, change: Partial<PayoutLine> = {}): PayoutLine[] =>
  Array.from({ length: count }, (_, n) => ({
    line: n + 2,
    id: `l${n}`,
    amount: microUsdc(10_000n),
    payee: 'Grace',
    address: null,
    category: null,
    memo: null,
    workflow: null,
    run: null,
    ...change,
  }));
const open = (lines: PayoutLine[], retry = false): Promise<Payout> =>
  world.store.write(
    async (tx) =>
      (
        await openPayout(
          tx,
          {
            agentId: world.agent.id,
            idempotencyKey: 'payout-1',
            askedBy: credentialId,
            lines,
            hash: contentHash(lines),
            retry,
          },
          NOON_MS,
        )
      ).payout,
  );
const counts = (id: string): Promise<Record<string, number>> =>
  world.store.read(async (tx) =>
    Object.fromEntries([...(await progressOf(tx, id))].map(([state, { lines }]) => [state, lines])),
  );
const stateOf = (id: string): Promise<string> => world.store.read(async (tx) => (await getPayout(tx, id)).state);
const preview = (lines: PayoutLine[]) =>
  previewLines(
    world.store,
    { id: 'bat_preview', agentId: world.agent.id },
    lines.map((line) => ({ ...line, attempt: 1 })),
    world.context(),
  );

describe('a payout file', () => {
  const read = (lines: Record<string, unknown>[]) =>
    readPayout({ store: world.store, chain, agent: world.agent, isStored: () => false }, { lines });

  it('is refused where it is empty, too long, or too much in sum', async () => {
    await expect(read([])).rejects.toMatchObject({ details: { errors: [{ code: 'no_lines' }] } });
    const line = { payee: 'Grace', amount: '9007199254.740991' };
    await expect(read([line, line])).rejects.toMatchObject({ details: { errors: [{ code: 'total_too_large' }] } });
    const many = Array.from({ length: 10_001 }, () => ({ payee: 'Grace', amount: '1' }));
    await expect(read(many)).rejects.toMatchObject({ details: { errors: [{ code: 'too_many_lines' }] } });
    expect((await read(many.slice(1))).lines).toHaveLength(10_000);
  });

  it('pays nobody at zero, the token, or the wallet that pays', async () => {
    const { wallet } = world.agent;
    const own = [chain.token, wallet?.address, wallet?.purse, '0x0000000000000000000000000000000000000000'];
    const failed = await read(own.map((address) => ({ address, amount: '1' }))).catch((error) => error);
    expect(failed.details.errors.map(({ line, code }: { line: number; code: string }) => [line, code])).toEqual(
      own.map((_, n) => [n + 1, 'forbidden_address']),
    );
  });
});

describe('the runner of payouts', () => {
  it('takes a thousand lines a tick, and says when there is more', async () => {
    const { id } = await open(linesOf(1_500));
    const { decided } = await runner.tick();
    expect(decided).toBeGreaterThanOrEqual(1_000);
    expect(decided).toBeLessThan(1_100);
    expect(await counts(id)).toMatchObject({ waiting: 1_500 - decided });
    expect(woken).toBe(1);
    expect(await runner.tick()).toEqual({ decided: 1_500 - decided });
    // The starter policy allows 120 payments an hour.
    expect(await counts(id)).toEqual({ authorized: 120, denied: 1_380 });
    expect(await stateOf(id)).toBe('decided');
  });

  it('says in a preview what it then does, chunk after chunk, and leaves nothing of the preview', async () => {
    const lines = linesOf(450);
    const free = () => world.store.read((tx) => balance(tx, agentAccount(world.agent.id, 'available')));
    const before = await free();
    const previewed = await preview(lines);
    expect(await free()).toBe(before);
    expect(
      await world.store.read((tx) => tx.get(query((db) => db.selectFrom('payments').select('id')))),
    ).toBeUndefined();
    const { id } = await open(lines);
    await runner.tick();
    const made = await world.store.read(async (tx) =>
      mapInOrder(await linesAfter(tx, id, 0, 1_000), ({ paymentId }) =>
        tx.get(query((db) => db.selectFrom('payments').select('state').where('id', '=', paymentId))),
      ),
    );
    const expected = { allow: 'authorized', deny: 'denied', review: 'in_review' };
    expect(made.map((payment) => payment?.state)).toEqual(previewed.map(({ effect }) => expected[effect]));
    expect(previewed.filter(({ effect }) => effect === 'allow')).toHaveLength(120);
  });

  it('counts in a preview what others are given between its chunks', async () => {
    // 200 USDC a day. The first 150 lines are over the cap; 1.90 each the others.
    const tooMuch = microUsdc(51_000_000n);
    const lines = linesOf(350, { amount: microUsdc(1_900_000n) });
    const mixed = lines.map((line, n) => (n < 150 ? { ...line, amount: tooMuch } : line));
    const running = preview(mixed);
    // Queued behind the first chunk, and before the second.
    const other = world.store.write((tx) =>
      requestPayment(tx, world.request({ amount: microUsdc(10_000_000n) }), world.context()),
    );
    const allowed = (await running).filter(({ effect }) => effect === 'allow').length;
    expect((await other).payment.state).toBe('authorized');
    expect(allowed).toBe(100);
    const after = (await preview(mixed)).filter(({ effect }) => effect === 'allow').length;
    expect(after).toBe(100);
  });

  it('stops between two lines when it is told to, and goes on with the same file', async () => {
    const lines = linesOf(1_200);
    const { id } = await open(lines);
    const { decided } = await runner.tick();
    await world.store.write((tx) => setPayoutState(tx, id, { state: 'stopped', askedBy: credentialId }, NOON_MS));
    expect(await runner.tick()).toEqual({ decided: 0 });
    expect(await counts(id)).toMatchObject({ waiting: 1_200 - decided });
    expect(await open(lines)).toMatchObject({ id, state: 'deciding' });
    await runner.tick();
    expect((await counts(id)).waiting).toBeUndefined();
  });

  it('decides nothing on the word of a key that is revoked, until somebody else asks', async () => {
    const lines = linesOf(10);
    const { id } = await open(lines);
    await world.store.write((tx) => revokeCredential(tx, act, credentialId));
    await runner.tick();
    expect(await counts(id)).toEqual({ waiting: 10 });
    expect(await stateOf(id)).toBe('stopped');
    credentialId = await world.store.write(
      async (tx) => (await createCredential(tx, act, { role: 'operator', agentId: null, name: 'other' })).credential.id,
    );
    await open(lines);
    await runner.tick();
    expect(await counts(id)).toEqual({ authorized: 10 });
  });

  it.each<[string, (tx: Tx, id: string) => Promise<unknown>]>([
    ['is revoked', (tx, id) => revokeApprover(tx, act, id)],
    ['is an operator no more', (tx, id) => setApproverRoles(tx, act, id, ['finance'])],
  ])('decides on the word of a person who is an operator, until that person %s', async (_, end) => {
    const address = '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc';
    const { id: person } = await world.store.write((tx) =>
      createApprover(tx, act, { name: 'Ada', address, roles: ['operator'], sponsor: null }),
    );
    credentialId = person;
    const lines = linesOf(1_200);
    const { id } = await open(lines);
    await runner.tick();
    const before = await counts(id);
    expect(before.authorized).toBeGreaterThan(0);
    expect(before.waiting).toBeGreaterThan(0);
    await world.store.write((tx) => end(tx, person));
    await runner.tick();
    expect(await counts(id)).toEqual(before);
    expect(await stateOf(id)).toBe('stopped');
  });

  it('refuses a line whose payee lost its address meanwhile, decides the others, and asks again when told to', async () => {
    await world.store.write((tx) =>
      createPayee(tx, act, {
        name: 'Ada',
        kind: 'contractor',
        agentId: null,
        categories: ['contractor'],
        hosts: [],
        addresses: [],
      }),
    );
    const lines = linesOf(3).map((line, n) => (n === 1 ? { ...line, payee: 'Ada' } : line));
    const { id } = await open(lines);
    await runner.tick();
    expect(await counts(id)).toEqual({ authorized: 2, refused: 1 });
    expect(await world.store.read((tx) => linesAfter(tx, id, 2, 1))).toMatchObject([
      { id: 'l1', paymentId: null, refused: { code: 'payee_address_missing' } },
    ]);
    await world.store.write((tx) =>
      tx.run(
        query((db) =>
          db
            .insertInto('payee_addresses')
            .columns(['payee_id', 'address', 'position', 'first_seen_at', 'verified_at'])
            .expression((eb) =>
              eb
                .selectFrom('payees')
                .select(({ val }) => [
                  'id',
                  val('0x00000000000000000000000000000000000000A1').as('address'),
                  val(1n).as('position'),
                  val(0n).as('first'),
                  val(1n).as('verified'),
                ])
                .where('name', '=', 'Ada'),
            ),
        ),
      ),
    );
    await open(lines, true);
    await runner.tick();
    expect(await counts(id)).toEqual({ authorized: 3 });
    const payments = await world.store.read((tx) => tx.all(query((db) => db.selectFrom('payments').select('id'))));
    expect(payments).toHaveLength(3);
  });

  it('waits where there is no policy, and loses nothing', async () => {
    const { id } = await open(linesOf(5));
    const without = createPayoutRunner({
      store: asLeader(world.store),
      gate: createGate(world.store, () => {
        throw new Error('none');
      }),
      clock: () => NOON_MS,
      wake: () => {},
    });
    expect(await without.tick()).toEqual({ decided: 0 });
    expect(await counts(id)).toEqual({ waiting: 5 });
    await runner.tick();
    expect(await counts(id)).toEqual({ authorized: 5 });
  });
});
