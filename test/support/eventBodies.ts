import { statement } from '../../src/store/statement.ts';
import type { Store } from '../../src/store/store.ts';

const ofTypes = statement<{ types: readonly string[] }>()((db, p, f) =>
  db
    .selectFrom('events')
    .select('body')
    .where(({ ref }) => f.isAnyOf(ref('type'), p.types))
    .orderBy('seq'),
);

/** The events of the types, parsed, in their order. */
export const eventBodies = async <Body>(store: Store, ...types: string[]): Promise<Body[]> =>
  (await store.read((tx) => tx.all(ofTypes, { types }))).map(({ body }) => JSON.parse(body) as Body);
