import type { Address } from 'viem';
import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId, type SponsorId } from '../../core/ids/ids.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { Sponsor, Status } from './identity.ts';
import { takeName } from './names.ts';
import { allSponsors, newSponsor, setStatusOfSponsor, sponsorById, sponsorByName } from './queries.ts';

const toSponsor = (row: RowIn<'sponsors'>): Sponsor => ({
  id: row.id as SponsorId,
  name: row.name,
  status: row.status,
  treasuryAddress: row.treasury_address as Address | null,
  createdAtMs: Number(row.created_at),
});

export async function createSponsor(
  tx: Tx,
  act: Act,
  input: { name: string; treasuryAddress: Address | null; confirmConfusable?: boolean | undefined },
): Promise<Sponsor> {
  const id = newId('sponsor');
  await takeName(tx, 'sponsors', { id, ...input });
  await tx.run(newSponsor, { id, name: input.name, treasury: input.treasuryAddress, at: act.atMs });
  await recordAct(tx, act, { type: 'sponsor.created', sponsorId: id, data: { name: input.name } });
  return getSponsor(tx, id);
}

/** By id or name. Throws `sponsor_not_found`. */
export async function getSponsor(tx: ReadTx, idOrName: string): Promise<Sponsor> {
  // Two queries of one index each cost half of one with OR, and an id takes precedence over a name that looks like it.
  const row = (await tx.get(sponsorById, { id: idOrName })) ?? (await tx.get(sponsorByName, { name: idOrName }));
  if (!row) throw new BursarError('sponsor_not_found', { details: { sponsor: idOrName } });
  return toSponsor(row);
}

export async function listSponsors(tx: ReadTx): Promise<Sponsor[]> {
  return (await tx.all(allSponsors)).map(toSponsor);
}

export async function setSponsorStatus(tx: Tx, act: Act, id: string, status: Status): Promise<Sponsor> {
  const sponsor = await getSponsor(tx, id);
  refuseRevoked(sponsor.status);
  await tx.run(setStatusOfSponsor, { id: sponsor.id, status });
  await recordAct(tx, act, {
    type: 'sponsor.status_changed',
    sponsorId: sponsor.id,
    data: { from: sponsor.status, to: status },
  });
  return getSponsor(tx, sponsor.id);
}

/** Revoking is permanent. Throws `conflict`. */
export function refuseRevoked(status: Status): void {
  if (status === 'revoked') throw new BursarError('conflict', { message: 'What is revoked stays revoked.' });
}
