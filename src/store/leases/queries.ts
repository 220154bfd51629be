import { statement } from '../statement.ts';

export const everyLease = statement()((db) => db.selectFrom('leases').selectAll().orderBy('name'));

export const holderOf = statement<{ name: string }>()((db, p) =>
  db.selectFrom('leases').select(['holder', 'fence']).where('name', '=', p.name),
);

type Lease = {
  name: string;
  holder: string | null;
  fence: bigint;
  expires: bigint;
  claimedBy: string | null;
  claimed: bigint | null;
};
export const putLease = statement<Lease>()((db, p) =>
  db
    .insertInto('leases')
    .values({
      name: p.name,
      holder: p.holder,
      fence: p.fence,
      expires_at: p.expires,
      claimed_by: p.claimedBy,
      claimed_at: p.claimed,
    })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet(({ ref }) => ({
        holder: ref('excluded.holder'),
        fence: ref('excluded.fence'),
        expires_at: ref('excluded.expires_at'),
        claimed_by: ref('excluded.claimed_by'),
        claimed_at: ref('excluded.claimed_at'),
      })),
    ),
);

/** The fence stays: the next holder has a higher one. */
export const freeLeasesOf = statement<{ holder: string }>()((db, p) =>
  db.updateTable('leases').set({ holder: null, expires_at: 0n }).where('holder', '=', p.holder),
);

export const freeAllLeases = statement()((db) =>
  db.updateTable('leases').set({ holder: null, expires_at: 0n, claimed_by: null, claimed_at: null }),
);
