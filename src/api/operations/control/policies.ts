import { z } from 'zod';
import { Digest, iso, isoOrNull, safeText } from '../../../core/schemas/schemas.ts';
import type { PolicyVersion } from '../../../decide/policy-versions/activations.ts';
import { actOf } from '../act.ts';
import { operation } from '../operation.ts';
import { policyWarnings } from './policyWarnings.ts';

const PolicyView = z
  .object({
    digest: z.string(),
    note: z.string(),
    active: z.boolean(),
    shadow: z.boolean().describe('Evaluated beside the active one; decides nothing'),
    loaded_at: z.string(),
    activated_at: z.string().nullable(),
  })
  .meta({ id: 'Policy' });
const view = (version: PolicyVersion): z.input<typeof PolicyView> => ({
  digest: version.digest,
  note: version.note,
  active: version.active,
  shadow: version.shadow,
  loaded_at: iso(version.loadedAtMs),
  activated_at: isoOrNull(version.activatedAtMs),
});
const ActiveView = z
  .object({ digest: z.string(), meters: z.record(z.string(), z.unknown()), timezone: z.string() })
  .meta({ id: 'ActivePolicy' });

export const policyOperations = [
  operation({
    name: 'list_policies',
    summary: 'List policy versions by digest.',
    method: 'GET',
    path: '/v1/policies',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({}),
    output: z.object({ policies: z.array(PolicyView) }),
    errors: [],
    handler: async (app) => ({ policies: (await app.policies.list()).map(view) }),
  }),
  operation({
    name: 'get_active_policy',
    summary: 'The policy that decides now, with its meters.',
    method: 'GET',
    path: '/v1/policies/active',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({}),
    output: ActiveView,
    errors: ['policy_unavailable'],
    handler: async (app) => {
      // Another server may have activated one just now.
      await app.policies.sync();
      const { digest, meters, settings } = app.policies.active();
      return { digest, meters, timezone: settings.timezone };
    },
  }),
  operation({
    name: 'get_policy_bundle',
    summary: 'The whole bundle (sources, data, WASM) of a digest, so that anyone can replay its decisions.',
    method: 'GET',
    path: '/v1/policies/{digest}/bundle',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ digest: Digest }),
    output: z.object({ digest: z.string(), bundle: z.string() }),
    errors: ['policy_not_found'],
    handler: async (app, _caller, { digest }) => ({ digest, bundle: await app.policies.bundle(digest) }),
  }),
  operation({
    name: 'load_policy',
    summary: 'Check a compiled bundle and store it by its digest. It decides nothing until it is activated.',
    method: 'POST',
    path: '/v1/policies',
    scope: 'policy',
    cost: 'heavy',
    input: z.strictObject({ bundle: z.string().max(4_000_000), note: safeText(200).default('no note') }),
    output: z.object({
      digest: z.string(),
      warnings: z
        .array(z.string())
        .describe('Agents, sponsors, workflows, labels and payees that its data names and that are not there'),
    }),
    errors: ['policy_invalid', 'policy_corrupt', 'policy_too_slow'],
    // A compiled policy with its sources.
    bodyMaxBytes: 4 * 1024 * 1024,
    handler: async (app, caller, { bundle, note }) => {
      const { digest } = await app.policies.load(bundle, note, actOf(app, caller));
      return { digest, warnings: await app.store.read((tx) => policyWarnings(tx, bundle)) };
    },
  }),
  operation({
    name: 'activate_policy',
    summary:
      'Make a loaded policy the one that decides: first in the on-chain registry, then here. No request is lost.',
    method: 'POST',
    path: '/v1/policies/{digest}/activate',
    scope: 'policy',
    cost: 'heavy',
    input: z.strictObject({
      digest: Digest,
      only: z
        .boolean()
        .optional()
        .describe(
          'End every other policy on chain in the same act, without grace: what was decided under them reverts',
        ),
    }),
    output: ActiveView.pick({ digest: true }).extend({ warnings: z.array(z.string()).describe('As of load_policy') }),
    errors: ['policy_not_found', 'not_configured', 'chain_unavailable'],
    handler: async (app, caller, { digest, only }) => {
      const active = await app.policies.activate(digest, 'activate', actOf(app, caller), only ?? false);
      const bundle = await app.policies.bundle(active.digest);
      return { digest: active.digest, warnings: await app.store.read((tx) => policyWarnings(tx, bundle)) };
    },
  }),
  operation({
    name: 'rollback_policy',
    summary: 'Go back to the policy that was active before.',
    method: 'POST',
    path: '/v1/policies/rollback',
    scope: 'policy',
    cost: 'heavy',
    input: z.strictObject({
      to: Digest.optional().describe('The expected version; if it differs, nothing happens'),
    }),
    output: ActiveView.pick({ digest: true }),
    errors: ['policy_not_found', 'not_configured', 'chain_unavailable', 'conflict'],
    handler: async (app, caller, { to }) => ({ digest: (await app.policies.rollback(actOf(app, caller), to)).digest }),
  }),
];
