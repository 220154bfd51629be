import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GateWorld, gateWorld } from '../../../test/support/gateWorld.ts';
import { createPayee } from '../identity/payees.ts';
import { createWorkflow } from '../identity/workflows.ts';
import { PolicyInput } from '../policy/input.ts';
import { inputFor } from './judge.ts';
import { load } from './load.ts';

let world: GateWorld;
beforeAll(async () => {
  world = await gateWorld();
});
afterAll(() => world.store.close());

/** Texts that JSON must escape, and some that look like the document's own. */
const odd = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.constantFrom('"', '\\', '","amount":1', '}', '\u2028', '\n', '<!--', 'null'),
);

it('the text of an input is one JSON document of the schema, whatever names, runs and hosts hold', () =>
  fc.assert(
    fc.asyncProperty(odd, odd, odd, fc.bigInt(1n, 9_007_199_254_740_991n), async (name, run, category, amount) => {
      const act = { actor: 'test', atMs: world.context().atMs };
      const text = await world.store
        .write(async (tx) => {
          const unique = `${name} ${Math.random()}`;
          const workflow = await createWorkflow(tx, act, { name: unique, confirmConfusable: true });
          const payee = await createPayee(tx, act, {
            ...{ name: unique, kind: 'merchant', agentId: null, categories: [category], hosts: [] },
            ...{ addresses: [{ address: `0x${'00'.repeat(19)}c9`, verified: true }], confirmConfusable: true },
          });
          const request = world.request({
            payee: payee.id,
            workflow: { ref: workflow.id, run },
            amount: amount as never,
          });
          const rules = world.context();
          const set = await load(tx, rules, [{ request, actor: 'test' }]);
          return inputFor(set, rules, { request, resolved: set.resolved(request) });
        })
        .catch((error: { code?: string }) => {
          // A name that the identity module refuses never reaches an input.
          expect(error.code).toBeDefined();
          return null;
        });
      if (text === null) return;
      const input = PolicyInput.parse(JSON.parse(text));
      expect(JSON.stringify(input)).toBe(text);
      expect(input.workflow?.run).toBe(run);
      expect(input.payment).toMatchObject({ amount: Number(amount), category });
    }),
    { numRuns: 100 },
  ));
