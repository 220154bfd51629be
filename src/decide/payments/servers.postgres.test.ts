import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld } from '../../../test/support/gateWorld.ts';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { bookChecks } from '../../books/ledger/bookChecks.ts';
import { rowSealing } from '../../books/ledger/rowSeals.ts';
import { newId } from '../../core/ids/ids.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { query } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { setAgentStatus } from '../identity/agents.ts';
import type { Agent } from '../identity/identity.ts';
import { loadPolicy } from '../policy/loadPolicy.ts';
import { resolveOpa } from '../policy/opa.ts';
import type { Policy } from '../policy/policy.ts';
import { createGate, type Gate } from './gateQueue.ts';

/** Budgets that agents share: 20 USDC a day for all, and 15 payments an hour for their sponsor. */
const BUDGET_MICRO = 20_000_000n;
const SHARED = `meters := {
	"all": {"by": [], "window": {"calendar": "day", "tz": "UTC"}},
	"hour": {"by": ["sponsor"], "window": {"rolling": "PT1H"}}
}

default decision := {"effect": "deny", "reasons": [{"code": "budget", "rule": "shared"}], "review": null}

decision := {"effect": "allow", "reasons": [{"code": "within", "rule": "shared"}], "review": null} if {
	input.meters.all.total + input.payment.amount <= ${BUDGET_MICRO}
	input.meters.hour.count < 15
}`;

let policy: Policy;
/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
  policy = await loadPolicy(await handMade(SHARED));
}, 900_000);

let count = 0;
let world: GateWorld;
let agents: Agent[];
let stores: Store[];
let gates: Gate[];
/** Three servers over one database, and four agents with 10 USDC each. */
beforeEach(async () => {
  count += 1;
  const path = `servers-${count}`;
  world = await gateWorld(policy, path);
  agents = [];
  for (const name of ['ann', 'bob', 'cyd', 'dan']) agents.push(await world.addAgent(name, '10'));
  stores = [];
  for (let server = 0; server < 3; server += 1) stores.push(await openTestStore(path, rowSealing()));
  gates = stores.map((store) => createGate(store, () => world.context()));
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await world.store.close();
});

type Asked = { server: number; agent: number; amount: bigint; key: string };
const ask = async ({ server, agent, amount, key }: Asked) => {
  const request = world.request({
    agentId: (agents[agent] as Agent).id,
    amount: microUsdc(amount),
    idempotencyKey: key,
    bodyHash: `${amount}`,
  });
  return (await gates[server]?.ask({ request, actor: 'key_test' }))?.answer;
};
const payments = () =>
  world.store.read((tx) =>
    tx.all(query((db) => db.selectFrom('payments').select(['state', 'amount_micro', 'agent_id']))),
  );
const failed = async () => (await world.store.read(bookChecks)).filter(({ ok }) => !ok);
const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);

describe('servers that decide at once', () => {
  it('pass no budget that their agents share, and write books that hold', async () => {
    const asked = fc.record({
      server: fc.nat(2),
      agent: fc.nat(3),
      amount: fc.bigInt(1n, 5_000_000n),
      key: fc.nat(40).map((n) => `order-${String(n).padStart(4, '0')}`),
    });
    const all = fc.sample(fc.array(asked, { minLength: 120, maxLength: 120 }), 1)[0] as Asked[];
    const results = await Promise.allSettled(all.map(ask));
    for (const result of results) {
      // The same key with another amount is the only refusal there may be.
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'idempotency_conflict' });
    }
    const rows = await payments();
    const keys = new Set(all.map(({ agent, key }) => `${agent} ${key}`));
    expect(rows).toHaveLength(keys.size);
    const paid = rows.filter(({ state }) => state === 'authorized');
    expect(paid.length).toBeGreaterThan(0);
    expect(paid.length).toBeLessThanOrEqual(15);
    expect(sum(paid.map(({ amount_micro }) => amount_micro)) <= BUDGET_MICRO).toBe(true);
    for (const { id } of agents) {
      const own = paid.filter(({ agent_id }) => agent_id === id);
      expect(sum(own.map(({ amount_micro }) => amount_micro)) <= 10_000_000n).toBe(true);
    }
    expect(await failed()).toEqual([]);
  });

  it('use a budget up to the last micro-USDC, each for an agent of its own', async () => {
    // Nothing but the shared total keeps these apart: no two servers have an agent in common.
    for (let round = 0; round < 4; round += 1) {
      const asks = Array.from({ length: 9 }, (_, n) => ({
        ...{ server: n % 3, agent: n % 3, amount: 1_500_000n, key: `round-${round}-${n}` },
      }));
      await Promise.all(asks.map(ask));
    }
    const paid = (await payments()).filter(({ state }) => state === 'authorized');
    expect(sum(paid.map(({ amount_micro }) => amount_micro))).toBe(19_500_000n);
    expect(await failed()).toEqual([]);
  });

  it('pay once for one key that is sent to all of them', async () => {
    const key = `once-${newId('batch')}`;
    const answers = await Promise.all([0, 1, 2].map((server) => ask({ server, agent: 0, amount: 1_000_000n, key })));
    expect(new Set(answers.map((answer) => answer?.payment.id)).size).toBe(1);
    expect(answers.filter((answer) => answer?.replayed)).toHaveLength(2);
    expect(await payments()).toHaveLength(1);
  });

  it('pay nothing for an agent that another server has frozen', async () => {
    const before = await ask({ server: 0, agent: 0, amount: 1n, key: 'before-0001' });
    expect(before?.payment.state).toBe('authorized');
    const { id } = agents[0] as Agent;
    await stores[1]?.write((tx) =>
      setAgentStatus(tx, { actor: 'test', atMs: world.context().atMs }, id, {
        status: 'frozen',
        reason: null,
      }),
    );
    const after = await ask({ server: 0, agent: 0, amount: 1n, key: 'after-0001' });
    expect(after?.payment.state).toBe('denied');
  });
});
