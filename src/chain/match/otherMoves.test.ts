import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { query } from '../../store/statement.ts';
import { accountsOf, agentStatus, alertsOf, eventsOf, OUTSIDER, TREASURY } from '../follow/testing/books.ts';
import type { Action } from '../follow/testing/modelChain.ts';
import { endInAgreement, lastTransfer, type Scene, scene } from '../follow/testing/scene.ts';

let set: Scene;
beforeEach(async () => {
  set = await scene();
});
afterEach(() => endInAgreement(set));

describe('money that comes in', () => {
  it('from the treasury is a deposit, in the wallet and in the purse', async () => {
    await set.happen({ kind: 'transfer', from: TREASURY, to: set.agent.purse, amount: 2_000_000n });
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n, purse: 2_000_000n });
    const kinds = await set.store.read((tx) =>
      tx.all(query((db) => db.selectFrom('receivables').select('kind').orderBy('block_number'))),
    );
    expect(kinds).toEqual([{ kind: 'deposit' }, { kind: 'deposit' }]);
    expect(await alertsOf(set.store)).toEqual([]);
  });

  it('from anybody else waits in suspense; however much dust, one alert counts it and nobody is frozen', async () => {
    await set.happen({ kind: 'mint', to: OUTSIDER, amount: 10n });
    const dust: Action = { kind: 'transfer', from: OUTSIDER, to: set.agent.wallet, amount: 1n };
    await set.happen(dust, dust, dust);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 100_000_000n, suspense: 3n });
    expect(await alertsOf(set.store)).toMatchObject([{ type: 'unmatched_inflow', body: { count: 3 } }]);
    expect((await agentStatus(set.store, set.agent)).status).toBe('active');
  });
});

describe('what owners and guardians do', () => {
  it('a withdrawal is the owner’s, freezes nobody, and somebody is told', async () => {
    await set.happen({ kind: 'withdraw', wallet: set.agent.wallet, to: OUTSIDER, amount: 40_000_000n });
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 60_000_000n });
    expect(await lastTransfer(set.store)).toMatchObject({ match_kind: 'internal', match_id: 'withdraw' });
    expect(await alertsOf(set.store)).toMatchObject([{ type: 'owner_withdrawal' }]);
    expect((await agentStatus(set.store, set.agent)).status).toBe('active');
  });

  it('a sweep brings the purse back into the wallet, also what purchases still hold', async () => {
    await set.happen({ kind: 'transfer', from: TREASURY, to: set.agent.purse, amount: 3_000_000n });
    const sweep: Action = { kind: 'transfer', from: set.agent.purse, to: set.agent.wallet, amount: 1_000_000n };
    await set.happen(sweep);
    expect(await accountsOf(set.store, set.agent)).toEqual({ available: 101_000_000n, purse: 2_000_000n });
    await set.add({ rail: 'x402', kind: 'purchase', amount: 1_500_000n });
    await set.happen({ ...sweep, amount: 2_000_000n });
    expect(await accountsOf(set.store, set.agent)).toEqual({
      available: 103_000_000n,
      purse: -1_500_000n,
      purse_reserved: 1_500_000n,
    });
    expect(await eventsOf(set.store, 'purse.swept')).toHaveLength(2);
    expect(await alertsOf(set.store)).toEqual([]);
  });

  it('a freeze of the wallet is in the event log', async () => {
    await set.happen({ kind: 'freeze', wallet: set.agent.wallet, caller: OUTSIDER });
    expect(await eventsOf(set.store, 'wallet.frozen')).toHaveLength(1);
  });
});
