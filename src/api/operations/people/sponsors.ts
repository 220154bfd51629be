import { z } from 'zod';
import { AddressText, iso, newName, Ref } from '../../../core/schemas/schemas.ts';
import type { Sponsor } from '../../../decide/identity/identity.ts';
import { createSponsor, getSponsor, listSponsors, setSponsorStatus } from '../../../decide/identity/sponsors.ts';
import { actOf, status } from '../act.ts';
import { operation } from '../operation.ts';

const SponsorView = z
  .object({
    id: z.string(),
    name: z.string(),
    status,
    treasury_address: z.string().nullable(),
    created_at: z.string(),
  })
  .meta({ id: 'Sponsor' });
const view = (sponsor: Sponsor): z.input<typeof SponsorView> => ({
  id: sponsor.id,
  name: sponsor.name,
  status: sponsor.status,
  treasury_address: sponsor.treasuryAddress,
  created_at: iso(sponsor.createdAtMs),
});

export const sponsorOperations = [
  operation({
    name: 'create_sponsor',
    summary: 'Create a sponsor: the person or team answerable for agents.',
    method: 'POST',
    path: '/v1/sponsors',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({
      ...newName,
      treasury_address: AddressText.optional().describe('USDC that comes from here is a deposit'),
    }),
    output: SponsorView,
    errors: ['conflict', 'confusable_name'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) =>
        view(
          await createSponsor(tx, actOf(app, caller), {
            name: input.name,
            treasuryAddress: input.treasury_address ?? null,
            confirmConfusable: input.confirm_confusable,
          }),
        ),
      ),
  }),
  operation({
    name: 'list_sponsors',
    summary: 'List sponsors.',
    method: 'GET',
    path: '/v1/sponsors',
    scope: 'read',
    cost: 'medium',
    peopleOnly: true,
    input: z.strictObject({}),
    output: z.object({ sponsors: z.array(SponsorView) }),
    errors: [],
    handler: async (app) => ({ sponsors: await app.store.read(async (tx) => (await listSponsors(tx)).map(view)) }),
  }),
  operation({
    name: 'get_sponsor',
    summary: 'Read a sponsor.',
    method: 'GET',
    path: '/v1/sponsors/{id}',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref }),
    output: SponsorView,
    errors: ['sponsor_not_found'],
    handler: (app, _caller, { id }) => app.store.read(async (tx) => view(await getSponsor(tx, id))),
  }),
  operation({
    name: 'set_sponsor_status',
    summary: 'Freeze, unfreeze or revoke a sponsor, and with it the spending of all its agents.',
    method: 'POST',
    path: '/v1/sponsors/{id}/status',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref, status }),
    output: SponsorView,
    errors: ['sponsor_not_found', 'conflict'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => view(await setSponsorStatus(tx, actOf(app, caller), input.id, input.status))),
  }),
];
