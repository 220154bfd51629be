import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GateWorld, gateWorld } from '../../../test/support/gateWorld.ts';
import { type Memory, paymentTables } from '../../store/memory.ts';
import { observed } from '../../store/observed.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { setAgentStatus } from '../identity/agents.ts';
import { checkPayment, requestPayment } from './gate.ts';

let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

const ask = (tx: Tx, key: string) =>
  requestPayment(tx, world.request({ idempotencyKey: key }), world.context()).payment.state;
const act = () => ({ actor: 'bursar', atMs: world.context().atMs });

describe('the facts of a decision', () => {
  it('are those of its transaction: a change counts from the next request on, also within one commit', async () => {
    const states = await Promise.all([
      world.store.write((tx) => ask(tx, 'before the freeze')),
      world.store.write((tx) => setAgentStatus(tx, act(), world.agent.id, 'frozen', null)),
      world.store.write((tx) => ask(tx, 'after the freeze')),
    ]);
    expect([states[0], states[2]]).toEqual(['authorized', 'denied']);
  });

  it('are not those of a job that was undone', async () => {
    const undone = world.store.write((tx) => {
      setAgentStatus(tx, act(), world.agent.id, 'frozen', null);
      expect(ask(tx, 'never asked')).toBe('denied');
      throw new Error('undone');
    });
    const after = world.store.write((tx) => ask(tx, 'after it was undone'));
    await expect(undone).rejects.toThrow('undone');
    expect(await after).toBe('authorized');
  });

  it('are remembered only where they are read from tables that payments do not write', async () => {
    const remembered: string[] = [];
    await world.store.write((tx) => {
      let depth = 0;
      const seen = <R>(sql: string, run: () => R): R => {
        if (depth > 0) remembered.push(sql);
        return run();
      };
      const memory: Memory = {
        kept: new Map(),
        fact: (_kind, _key, read) => {
          depth += 1;
          const value = read();
          depth -= 1;
          return value;
        },
      };
      const spy: ReadTx = { ...observed(tx, seen), memory };
      checkPayment(spy, world.request(), world.context());
    });
    expect(remembered.length).toBeGreaterThan(3);
    const tables = new RegExp(`\\b(${paymentTables.join('|')}|next_nonce)\\b`);
    expect(remembered.filter((sql) => tables.test(sql))).toEqual([]);
  });
});
