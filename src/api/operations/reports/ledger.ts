import { z } from 'zod';
import { appendEvent } from '../../../books/ledger/events.ts';
import { agentAccount, balance, post } from '../../../books/ledger/journal.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import { Amount, AmountView, amountView, idOf, iso, Limit, Ref, safeText } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import { actOf } from '../act.ts';
import type { App } from '../app.ts';
import { operation } from '../operation.ts';
import { balancesByAccount, entriesBefore, entriesOfPaymentBefore, linesOfEntry } from './queries.ts';

/** A server without a key for heads has no anchors; that proves nothing either way. */
async function checkAnchors({ eventLog }: App): Promise<{ name: string; ok: boolean; detail: string }[]> {
  if (eventLog) return eventLog.check();
  return [{ name: 'anchor_log', ok: false, detail: 'No key signs the heads of the event log, so there are none.' }];
}

export const ledgerOperations = [
  operation({
    name: 'check_ledger',
    summary: "Prove the books: entries sum to zero, the chain of event hashes is unbroken, balances equal the chain's.",
    method: 'POST',
    path: '/v1/ledger/check',
    scope: 'read',
    cost: 'bulk',
    // Its findings name agents, wallets and balances.
    peopleOnly: true,
    input: z.strictObject({
      anchors: z
        .boolean()
        .default(false)
        .describe(
          'Also against every head outside the database: the file of checkpoints, and the anchors on the chain',
        ),
    }),
    output: z.object({
      ok: z.boolean(),
      checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
    }),
    errors: ['chain_unavailable'],
    handler: async (app, caller, input) => {
      const books = await app.checkLedger();
      const anchors = input.anchors ? await checkAnchors(app) : [];
      const checks = [...books.checks, ...anchors];
      const result = { ok: checks.every((check) => check.ok), checks };
      await app.store.write(async (tx) => {
        const failed = result.checks.filter((check) => !check.ok).map((check) => check.name);
        await appendEvent(
          tx,
          { type: 'ledger.checked', actor: caller.actor, data: { ok: result.ok, failed } },
          app.clock(),
        );
      });
      return result;
    },
  }),
  operation({
    name: 'list_balances',
    summary: 'All accounts with their balances.',
    method: 'GET',
    path: '/v1/ledger/balances',
    scope: 'read',
    cost: 'heavy',
    peopleOnly: true,
    input: z.strictObject({}),
    output: z.object({ balances: z.array(z.object({ account: z.string(), amount: AmountView })) }),
    errors: [],
    handler: async (app) => ({
      balances: await app.store.read(async (tx) =>
        (await tx.all(balancesByAccount)).map((row) => ({
          account: row.account,
          amount: amountView(row.amount_micro),
        })),
      ),
    }),
  }),
  operation({
    name: 'list_entries',
    summary: 'Journal entries with their lines, newest first.',
    method: 'GET',
    path: '/v1/ledger/entries',
    scope: 'read',
    cost: 'medium',
    peopleOnly: true,
    input: z.strictObject({
      payment: idOf('payment').optional(),
      before: z.coerce.number().int().min(1).optional(),
      limit: Limit,
    }),
    output: z.object({
      entries: z.array(
        z.object({
          id: z.int(),
          kind: z.string(),
          payment: z.string().nullable(),
          receivable: z.string().nullable(),
          block_number: z.string().nullable(),
          at: z.string(),
          lines: z.array(z.object({ account: z.string(), amount: AmountView })),
        }),
      ),
    }),
    errors: [],
    handler: (app, _caller, input) =>
      app.store.read(async (tx) => {
        const { payment, limit, before = Number.MAX_SAFE_INTEGER } = input;
        const rows =
          payment === undefined
            ? await tx.all(entriesBefore, { before, limit })
            : await tx.all(entriesOfPaymentBefore, { payment, before, limit });
        return {
          entries: await mapInOrder(rows, async (row) => ({
            id: Number(row.id),
            kind: row.kind,
            payment: row.payment_id,
            receivable: row.receivable_id,
            block_number: row.block_number?.toString() ?? null,
            at: iso(Number(row.at)),
            lines: (await tx.all(linesOfEntry, { entry: row.id })).map((line) => ({
              account: line.account,
              amount: amountView(line.amount_micro),
            })),
          })),
        };
      }),
  }),
  operation({
    name: 'accept_suspense',
    summary:
      "Accept unexplained money after a person has explained it: move it from suspense to the agent's available balance.",
    method: 'POST',
    path: '/v1/agents/{id}/suspense/accept',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref, amount: Amount, reason: safeText(200) }),
    output: z.object({ available: AmountView, suspense: AmountView }),
    errors: ['agent_not_found', 'insufficient_funds'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => {
        const agent = await getAgent(tx, input.id);
        const act = actOf(app, caller);
        const [suspense, available] = [agentAccount(agent.id, 'suspense'), agentAccount(agent.id, 'available')];
        if ((await balance(tx, suspense)) < input.amount)
          throw new BursarError('insufficient_funds', { details: { account: suspense } });
        await post(tx, {
          kind: 'reclassify',
          atMs: act.atMs,
          lines: [
            [suspense, -input.amount],
            [available, input.amount],
          ],
        });
        await appendEvent(
          tx,
          {
            type: 'suspense.accepted',
            actor: act.actor,
            agentId: agent.id,
            data: { amount: input.amount.toString(), reason: input.reason },
          },
          act.atMs,
        );
        return {
          available: amountView(await balance(tx, available)),
          suspense: amountView(await balance(tx, suspense)),
        };
      }),
  }),
];
