import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { createApprover, findApproverByEmail, revokeApprover, setApproverEmail } from './approvers.ts';
import { listPeople, meetPerson, setPersonStatus } from './people.ts';
import { stillAuthorized } from './stillAuthorized.ts';

const act = { actor: 'bursar', atMs: 1_000 };
const olga = { issuer: 'https://login.example', subject: 'olga', name: 'Olga', email: 'olga@example.com' };
const address = '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc';

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store?.close());

describe('a person who comes by OIDC', () => {
  it('is one by issuer and subject, whatever else changes', async () => {
    const first = await store.write((tx) => meetPerson(tx, { ...olga, role: 'operator' }, 1_000));
    const again = await store.write((tx) => meetPerson(tx, { ...olga, name: 'Olga K.', role: 'viewer' }, 2_000));
    expect(again).toMatchObject({
      id: first.id,
      name: 'Olga K.',
      role: 'viewer',
      createdAtMs: 1_000,
      signedInAtMs: 2_000,
    });
    const elsewhere = await store.write((tx) =>
      meetPerson(tx, { ...olga, issuer: 'https://b.example', role: null }, 3_000),
    );
    expect(elsewhere.id).not.toBe(first.id);
    expect(await store.read(listPeople)).toHaveLength(2);
  });

  it('moves no more money once blocked, no operator by groups any more, or met as less', async () => {
    const { id } = await store.write((tx) => meetPerson(tx, { ...olga, role: 'operator' }, 4_000));
    const may = () => store.read((tx) => stillAuthorized(tx, id));
    expect(await may()).toBe(true);
    await store.write((tx) => setPersonStatus(tx, act, id, 'blocked'));
    expect(await may()).toBe(false);
    await expect(store.write((tx) => meetPerson(tx, { ...olga, role: 'operator' }, 5_000))).rejects.toThrow(
      'has blocked this person',
    );
    await store.write((tx) => setPersonStatus(tx, act, id, 'active'));
    expect(await may()).toBe(true);
    await store.write((tx) => meetPerson(tx, { ...olga, role: 'auditor' }, 6_000));
    expect(await may()).toBe(false);
  });

  it('moves money as the approver whom the e-mail address names, while it does', async () => {
    const person = await store.write((tx) => meetPerson(tx, { ...olga, role: null }, 7_000));
    const may = () => store.read((tx) => stillAuthorized(tx, person.id));
    const approver = await store.write((tx) =>
      createApprover(tx, act, { name: 'Olga', address, roles: ['operator'], sponsor: null, email: olga.email }),
    );
    expect(await may()).toBe(true);
    await store.write((tx) => setApproverEmail(tx, act, approver.id, null));
    expect(await may()).toBe(false);
    await store.write((tx) => setApproverEmail(tx, act, approver.id, olga.email));
    await store.write((tx) => revokeApprover(tx, act, approver.id));
    expect(await may()).toBe(false);
    expect(
      await store.read(
        async (tx) =>
          (await stillAuthorized(tx, 'psn_unknown')) ||
          (await stillAuthorized(tx, 'bursar')) ||
          (await stillAuthorized(tx, '')),
      ),
    ).toBe(false);
  });
});

describe('an e-mail address', () => {
  it('names one active approver; a revoked one gives it up', async () => {
    const make = (name: string, at: `0x${string}`) =>
      store.write((tx) =>
        createApprover(tx, act, { name, address: at, roles: ['finance'], sponsor: null, email: 'ada@example.com' }),
      );
    const ada = await make('Ada', '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65');
    await expect(make('Eve', '0x9c41de96B2088cdC640c6182dfcf5491dC574a57')).rejects.toThrow('e-mail address already');
    await store.write((tx) => revokeApprover(tx, act, ada.id));
    const next = await make('Ada II', '0x9c41de96B2088cdC640c6182dfcf5491dC574a57');
    expect((await store.read((tx) => findApproverByEmail(tx, 'ada@example.com')))?.id).toBe(next.id);
    await expect(store.write((tx) => setApproverEmail(tx, act, ada.id, 'x@example.com'))).rejects.toThrow('revoked');
  });
});
