import { afterEach, describe, expect, it } from 'vitest';
import { chain, type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import { agentAccount, balance } from '../../books/ledger/journal.ts';
import { openChain } from '../../chain/node/chain.ts';
import { queueTransfers } from '../../chain/settlement/queue.ts';
import { newId } from '../../core/ids/ids.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import { authenticate, createCredential } from '../../decide/identity/credentials.ts';
import type { MandateTerms } from '../../decide/mandates/mandate.ts';
import { getMandate, requestMandate } from '../../decide/mandates/mandates.ts';
import { requestPayment } from '../../decide/payments/gate.ts';
import { findPayment } from '../../decide/payments/records.ts';
import { asLeader } from '../../store/leases/testing/asLeader.ts';
import { query } from '../../store/statement.ts';
import { latestStop } from './records.ts';
import { riskOf } from './risk.ts';
import { stopAgent } from './stopAgent.ts';
import { createStopper } from './stopper.ts';

const open: GateWorld[] = [];
afterEach(async () => {
  for (const world of open.splice(0)) await world.store.close();
});
async function world(): Promise<GateWorld> {
  const made = await gateWorld();
  open.push(made);
  await made.store.write((tx) => tx.run(query((db) => db.updateTable('wallets').set({ deployed_at: 1 }))));
  return made;
}
const act = { actor: 'key_operator', atMs: NOON_MS + 1_000 };
const pay = (made: GateWorld, usdc: string) =>
  made.store.write(async (tx) => {
    const { payment } = await requestPayment(
      tx,
      made.request({ amount: parseUsdc(usdc), workflow: null }),
      made.context(),
    );
    return payment;
  });
const nothingAsked = { cleared: new Set<string>(), waiting: [], approvals: new Map() };
const queue = (made: GateWorld) =>
  made.store.write((tx) =>
    queueTransfers(tx, nothingAsked, {
      chainId: chain.chainId,
      factory: numbered(1),
      executors: [numbered(3)],
      atMs: NOON_MS,
    }),
  );

const mandateTerms = ({ agent, payee }: GateWorld): MandateTerms => ({
  agent: agent.id,
  payees: [payee.id],
  categories: [],
  hosts: [],
  perPayment: parseUsdc('5'),
  total: parseUsdc('50'),
  count: null,
  cadence: null,
  notBeforeMs: NOON_MS,
  expiresAtMs: NOON_MS + 86_400_000,
});

describe("The server's part of a stop", () => {
  it('ends what is queued or under review, gives the holds back, and revokes keys and mandates', async () => {
    const made = await world();
    const { agent, store } = made;
    const allowed = [await pay(made, '1'), await pay(made, '2')];
    await queue(made);
    const review = await pay(made, '30');
    expect([...allowed, review].map(({ state }) => state)).toEqual(['authorized', 'authorized', 'in_review']);
    const mandate = newId('mandate');
    const key = await store.write(async (tx) => {
      await requestMandate(tx, act, { id: mandate, terms: mandateTerms(made), reason: 'rent' });
      return (await createCredential(tx, act, { role: 'agent', agentId: agent.id, name: 'its key' })).key;
    });
    const stop = await store.write((tx) => stopAgent(tx, act, agent.name, 'enough'));
    expect(stop.server).toMatchObject({
      keys_revoked: 1,
      payments_cancelled: 3,
      payments_signed: 0,
      mandates_revoked: 1,
    });
    await store.read(async (tx) => {
      expect(await getAgent(tx, agent.id)).toMatchObject({ status: 'frozen', statusReason: 'enough' });
      await expect(() => authenticate(tx, key, act.atMs)).rejects.toThrow(
        expect.objectContaining({ code: 'unauthenticated' }),
      );
      expect((await getMandate(tx, mandate)).status).toBe('declined');
      for (const { id } of [...allowed, review]) expect((await findPayment(tx, id))?.state).toBe('cancelled');
      expect(await balance(tx, agentAccount(agent.id, 'available'))).toBe(parseUsdc('1000'));
      expect(await balance(tx, agentAccount(agent.id, 'reserved'))).toBe(0n);
      expect(
        await tx.all(query((db) => db.selectFrom('transactions').select('id').where('state', '<>', 'dropped'))),
      ).toEqual([]);
      expect(await tx.all(query((db) => db.selectFrom('meter_entries').selectAll()))).toEqual([]);
      expect(await tx.all(query((db) => db.selectFrom('meter_rolling').selectAll()))).toEqual([]);
    });
    expect((await pay(made, '1')).state).toBe('denied');
  });

  it('revokes every mandate, also one that is hidden behind many newer ones; nobody asks for more than people can read', async () => {
    const made = await world();
    const { agent, store } = made;
    const terms = mandateTerms(made);
    const old = newId('mandate');
    await store.write(async (tx) => {
      await requestMandate(tx, act, { id: old, terms, reason: 'rent' });
      await tx.run(query((db) => db.updateTable('mandates').set({ status: 'active' })));
      for (let i = 0; i < 20; i += 1)
        await requestMandate(tx, act, { id: newId('mandate'), terms, reason: `rent ${i}` });
    });
    const more = store.write((tx) => requestMandate(tx, act, { id: newId('mandate'), terms, reason: 'rent' }));
    await expect(more).rejects.toMatchObject({ code: 'conflict' });
    await store.write(async (tx) => {
      await tx.run(query((db) => db.updateTable('mandates').set({ status: 'declined' }).where('id', '<>', old)));
      const row = await tx.get(query((db) => db.selectFrom('mandates').selectAll().where('id', '=', old)));
      if (!row) throw new Error('The mandate is gone.');
      for (let i = 0; i < 500; i += 1) {
        const copy = { ...row, id: newId('mandate'), status: 'declined' as const };
        await tx.run(query((db) => db.insertInto('mandates').values(copy)));
      }
    });
    await store.write((tx) => stopAgent(tx, act, agent.id, 'enough'));
    expect(await store.read(async (tx) => (await getMandate(tx, old)).status)).toBe('revoked');
  });

  it('leaves what is signed to the chain, and counts it as at risk', async () => {
    const made = await world();
    const { agent, store } = made;
    const signed = await pay(made, '3');
    await queue(made);
    await store.write((tx) =>
      tx.run(query((db) => db.updateTable('transactions').set({ state: 'pending', nonce: 0 }))),
    );
    const waiting = await pay(made, '4');
    const stop = await store.write((tx) => stopAgent(tx, act, agent.id, 'enough'));
    expect(stop.server).toMatchObject({ payments_cancelled: 1, payments_signed: 1 });
    await store.read(async (tx) => {
      expect((await findPayment(tx, signed.id))?.state).toBe('authorized');
      expect((await findPayment(tx, waiting.id))?.state).toBe('cancelled');
      expect((await riskOf(tx, agent.id, null)).total).toBe(parseUsdc('3'));
      expect((await riskOf(tx, agent.id, parseUsdc('1.5'))).total).toBe(parseUsdc('4.5'));
    });
  });

  it('is one stop however often it is asked for, and takes in what came since', async () => {
    const made = await world();
    const { agent, store } = made;
    const first = await store.write((tx) => stopAgent(tx, act, agent.id, 'enough'));
    await store.write((tx) => createCredential(tx, act, { role: 'agent', agentId: agent.id, name: 'made meanwhile' }));
    const second = await store.write((tx) => stopAgent(tx, { ...act, atMs: act.atMs + 5 }, agent.id, 'again'));
    expect(second).toMatchObject({ id: first.id, reason: 'enough', server: { keys_revoked: 1 } });
  });
});

describe('The worker of a stop', () => {
  it('waits for a chain that does not answer, and says that nothing is safe yet', async () => {
    const made = await world();
    const { agent, store } = made;
    await store.write((tx) => stopAgent(tx, act, agent.id, 'enough'));
    const silent = openChain({
      chainId: chain.chainId,
      rpcUrl: 'http://127.0.0.1:9',
      token: chain.token,
      timeoutMs: 500,
    });
    const stopper = createStopper({ store: asLeader(store), chain: silent, senders: [], clock: () => NOON_MS + 2_000 });
    expect(await stopper.tick()).toEqual({ open: 1 });
    const stop = await store.read((tx) => latestStop(tx, agent.id));
    expect(stop).toMatchObject({ safeAtMs: null, frozenAtMs: null, endedAtMs: null, chain: { chainAnswers: false } });
    expect(stop?.chain?.steps[0]).toMatchObject({ step: 'freeze', state: 'waiting' });
  });

  it('goes no further once people let the agent work again', async () => {
    const made = await world();
    const { agent, store } = made;
    await store.write((tx) => stopAgent(tx, act, agent.id, 'enough'));
    await store.write((tx) => tx.run(query((db) => db.updateTable('agents').set({ status: 'active' }))));
    const silent = openChain({
      chainId: chain.chainId,
      rpcUrl: 'http://127.0.0.1:9',
      token: chain.token,
      timeoutMs: 500,
    });
    const stopper = createStopper({ store: asLeader(store), chain: silent, senders: [], clock: () => NOON_MS + 2_000 });
    await stopper.tick();
    expect((await store.read((tx) => latestStop(tx, agent.id)))?.endedAtMs).toBe(NOON_MS + 2_000);
    expect(await stopper.tick()).toEqual({ open: 0 });
  });
});
