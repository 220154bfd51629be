import { z } from 'zod';
import { idOf, iso } from '../../../core/schemas/schemas.ts';
import { groupRoles, listPeople, type Person, setPersonStatus } from '../../../decide/identity/people.ts';
import { actOf } from '../act.ts';
import { operation } from '../operation.ts';

const status = z.enum(['active', 'blocked']);
const PersonView = z
  .object({
    id: z.string(),
    name: z.string(),
    email: z.string().nullable(),
    issuer: z.string(),
    subject: z.string(),
    role: z.enum(groupRoles).nullable().describe('What the groups gave at the last sign-in'),
    status,
    created_at: z.string(),
    signed_in_at: z.string(),
  })
  .meta({ id: 'Person' });
const view = (person: Person): z.input<typeof PersonView> => ({
  id: person.id,
  name: person.name,
  email: person.email,
  issuer: person.issuer,
  subject: person.subject,
  role: person.role,
  status: person.status,
  created_at: iso(person.createdAtMs),
  signed_in_at: iso(person.signedInAtMs),
});

export const peopleOperations = [
  operation({
    name: 'list_people',
    summary: 'List the people who have signed in by OIDC.',
    method: 'GET',
    path: '/v1/people',
    scope: 'read',
    cost: 'medium',
    peopleOnly: true,
    input: z.strictObject({}),
    output: z.object({ people: z.array(PersonView) }),
    errors: [],
    handler: async (app) => ({ people: await app.store.read(async (tx) => (await listPeople(tx)).map(view)) }),
  }),
  operation({
    name: 'set_person_status',
    summary: 'Block a person who signs in by OIDC, and end the open sessions at once; or unblock the person.',
    method: 'POST',
    path: '/v1/people/{id}/status',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: idOf('person'), status }),
    output: PersonView,
    errors: ['person_not_found'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => view(await setPersonStatus(tx, actOf(app, caller), input.id, input.status))),
  }),
];
