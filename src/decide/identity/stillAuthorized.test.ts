import { afterEach, beforeEach, expect, it } from 'vitest';
import { type GateWorld, gateWorld, NOON_MS } from '../../../test/support/gateWorld.ts';
import { createApprover, revokeApprover, setApproverRoles } from './approvers.ts';
import { createCredential, revokeCredential } from './credentials.ts';
import { meetPerson, setPersonStatus } from './people.ts';
import { stillAuthorized } from './stillAuthorized.ts';

const act = { actor: 'test', atMs: NOON_MS };
const ADDRESS = '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc';
let world: GateWorld;
beforeEach(async () => {
  world = await gateWorld();
});
afterEach(() => world.store.close());

const may = (actor: string) => world.store.read((tx) => stillAuthorized(tx, actor));
const approver = (roles: string[], email: string | null) =>
  world.store.write((tx) => createApprover(tx, act, { name: 'Ada', address: ADDRESS, roles, sponsor: null, email }));
const person = (role: 'operator' | 'viewer' | null) =>
  world.store.write((tx) =>
    meetPerson(
      tx,
      { issuer: 'https://id.example', subject: 's', name: 'Ada', email: 'ada@example.org', role },
      NOON_MS,
    ),
  );

it('lets money move on the word of a key until it is revoked', async () => {
  const { credential } = await world.store.write((tx) =>
    createCredential(tx, act, { role: 'operator', agentId: null, name: 'k' }),
  );
  expect(await may(credential.id)).toBe(true);
  await world.store.write((tx) => revokeCredential(tx, act, credential.id));
  expect(await may(credential.id)).toBe(false);
});

it('lets money move on the word of an approver while that is an operator', async () => {
  const { id } = await approver(['finance', 'operator'], null);
  expect(await may(id)).toBe(true);
  await world.store.write((tx) => setApproverRoles(tx, act, id, ['finance']));
  expect(await may(id)).toBe(false);
  await world.store.write((tx) => setApproverRoles(tx, act, id, ['operator']));
  await world.store.write((tx) => revokeApprover(tx, act, id));
  expect(await may(id)).toBe(false);
});

it('lets money move on the word of a person whom groups make an operator, until blocked', async () => {
  const { id } = await person('operator');
  expect(await may(id)).toBe(true);
  await person('viewer');
  expect(await may(id)).toBe(false);
  await person('operator');
  await world.store.write((tx) => setPersonStatus(tx, act, id, 'blocked'));
  expect(await may(id)).toBe(false);
});

it('lets money move on the word of a person whose e-mail address names an operator', async () => {
  const { id } = await person(null);
  expect(await may(id)).toBe(false);
  const { id: ada } = await approver(['operator'], 'ada@example.org');
  expect(await may(id)).toBe(true);
  await world.store.write((tx) => revokeApprover(tx, act, ada));
  expect(await may(id)).toBe(false);
});

it.each(['', 'bursar', 'key_', 'agt_01', 'apr_none'])('lets nothing move on the word of "%s"', async (actor) => {
  expect(await may(actor)).toBe(false);
});
