import type { Address } from 'viem';
import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId, type PayeeId } from '../../core/ids/ids.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { Payee, PayeeKind } from './identity.ts';
import { takeName } from './names.ts';
import {
  addressesOf,
  allPayees,
  changePayee,
  hostHolder,
  markAs,
  newAddress,
  newHost,
  newPayee,
  payeeByAddress,
  payeeByHost,
  payeeById,
  payeeByName,
  payeeOfAgent,
  putAddress,
  removeHostsOf,
  retireAddresses,
} from './payeeQueries.ts';

const ms = (value: bigint | null): number | null => (value === null ? null : Number(value));

export type NewPayee = {
  name: string;
  kind: PayeeKind;
  agentId: string | null;
  categories: string[];
  hosts: string[];
  addresses: { address: Address; verified: boolean }[];
  confirmConfusable?: boolean | undefined;
};

export async function createPayee(tx: Tx, act: Act, { confirmConfusable, ...input }: NewPayee): Promise<Payee> {
  const id = newId('payee');
  await takeName(tx, 'payees', { id, name: input.name, confirmConfusable });
  await tx.run(newPayee, {
    id,
    name: input.name,
    kind: input.kind,
    agent: input.agentId,
    categories: JSON.stringify(input.categories),
    hosts: JSON.stringify(input.hosts),
    at: act.atMs,
  });
  await setHosts(tx, id, input.hosts);
  for (const { address, verified } of input.addresses) {
    await tx.run(newAddress, { payee: id, address, at: act.atMs, verified: verified ? act.atMs : null });
  }
  await recordAct(tx, act, { type: 'payee.created', data: { payee: id, ...input } });
  return getPayee(tx, id);
}

/** By id or name. Throws `payee_not_found`. */
export async function getPayee(tx: ReadTx, idOrName: string): Promise<Payee> {
  const row = (await tx.get(payeeById, { id: idOrName })) ?? (await tx.get(payeeByName, { name: idOrName }));
  if (!row) throw new BursarError('payee_not_found', { details: { payee: idOrName } });
  return toPayee(tx, row);
}

/** The payee of an agent of this Bursar (by id or name): an active one, the oldest. Throws `payee_not_found`. */
export async function getPayeeOfAgent(tx: ReadTx, agent: string): Promise<Payee> {
  const row = await tx.get(payeeOfAgent, { agent });
  if (!row) {
    const message = 'No payee stands for that agent, so it may not be paid.';
    throw new BursarError('payee_not_found', { message, details: { agent } });
  }
  return toPayee(tx, row);
}

export async function listPayees(tx: ReadTx): Promise<Payee[]> {
  return mapInOrder(await tx.all(allPayees), (row) => toPayee(tx, row));
}

export async function findPayeeByHost(tx: ReadTx, host: string): Promise<Payee | null> {
  const row = await tx.get(payeeByHost, { host });
  return row ? await toPayee(tx, row) : null;
}

/** The payee with that address; the oldest one if several share it. */
export async function findPayeeByAddress(tx: ReadTx, address: string): Promise<Payee | null> {
  const row = await tx.get(payeeByAddress, { address });
  return row ? await toPayee(tx, row) : null;
}

/**
 * Adds an address. With `replaces` (the default if the payee has one), the earlier address is retired and the new one gets
 * `changed_at`: payments to it count as a changed destination until a person verifies it.
 */
export async function addPayeeAddress(
  tx: Tx,
  act: Act,
  idOrName: string,
  input: { address: Address; verified: boolean; replaces: boolean },
): Promise<Payee> {
  const payee = await getPayee(tx, idOrName);
  const known = payee.addresses.find((each) => each.address === input.address);
  if (known && known.retiredAtMs === null) {
    throw new BursarError('conflict', { message: 'The payee has that address already.' });
  }
  const replaced = input.replaces && payee.addresses.some((each) => each.retiredAtMs === null);
  if (replaced) {
    await tx.run(retireAddresses, { payee: payee.id, at: act.atMs });
  }
  await tx.run(putAddress, {
    payee: payee.id,
    address: input.address,
    at: act.atMs,
    verified: input.verified ? act.atMs : null,
    changed: replaced ? act.atMs : null,
  });
  await recordAct(tx, act, { type: 'payee.address_added', data: { payee: payee.id, ...input, replaced } });
  return getPayee(tx, payee.id);
}

/** A person has verified, outside Bursar, that the address is the payee's. Throws `payee_address_missing`. */
export async function verifyPayeeAddress(tx: Tx, act: Act, idOrName: string, address: Address): Promise<Payee> {
  return markAddress(tx, act, { idOrName, address }, 'verified');
}

/**
 * Retires the address: nothing is paid to it any more. A payee without an address cannot be paid. Throws `payee_address_missing`.
 */
export async function retirePayeeAddress(tx: Tx, act: Act, idOrName: string, address: Address): Promise<Payee> {
  return markAddress(tx, act, { idOrName, address }, 'retired');
}

async function markAddress(
  tx: Tx,
  act: Act,
  { idOrName, address }: { idOrName: string; address: Address },
  as: 'verified' | 'retired',
): Promise<Payee> {
  const payee = await getPayee(tx, idOrName);
  const changed = await tx.run(markAs[as], { payee: payee.id, address, at: act.atMs });
  if (changed === 0) throw noSuchAddress(payee, address);
  await recordAct(tx, act, { type: `payee.address_${as}`, data: { payee: payee.id, address } });
  return getPayee(tx, payee.id);
}

export async function updatePayee(
  tx: Tx,
  act: Act,
  idOrName: string,
  change: { status?: 'active' | 'blocked'; categories?: string[]; hosts?: string[] },
): Promise<Payee> {
  const payee = await getPayee(tx, idOrName);
  const next = { ...payee, ...change };
  await tx.run(changePayee, {
    id: payee.id,
    status: next.status,
    categories: JSON.stringify(next.categories),
    hosts: JSON.stringify(next.hosts),
  });
  if (change.hosts) {
    await tx.run(removeHostsOf, { payee: payee.id });
    await setHosts(tx, payee.id, change.hosts);
  }
  await recordAct(tx, act, { type: 'payee.changed', data: { payee: payee.id, ...change } });
  return getPayee(tx, payee.id);
}

function noSuchAddress(payee: Payee, address: Address): BursarError {
  return new BursarError('payee_address_missing', {
    message: 'The payee has no such address in use.',
    details: { payee: payee.id, address },
  });
}

async function setHosts(tx: Tx, payeeId: string, hosts: string[]): Promise<void> {
  for (const host of new Set(hosts)) {
    const other = await tx.get(hostHolder, { host });
    if (other) throw new BursarError('conflict', { message: `"${host}" belongs to another payee.`, details: other });
    await tx.run(newHost, { host, payee: payeeId });
  }
}

async function toPayee(tx: ReadTx, row: RowIn<'payees'>): Promise<Payee> {
  return {
    id: row.id as PayeeId,
    name: row.name,
    kind: row.kind,
    status: row.status,
    agentId: row.agent_id,
    categories: JSON.parse(row.categories_json) as string[],
    hosts: JSON.parse(row.hosts_json) as string[],
    firstSeenAtMs: Number(row.first_seen_at),
    addresses: (await tx.all(addressesOf, { payee: row.id })).map((each) => ({
      address: each.address as Address,
      firstSeenAtMs: Number(each.first_seen_at),
      verifiedAtMs: ms(each.verified_at),
      changedAtMs: ms(each.changed_at),
      retiredAtMs: ms(each.retired_at),
    })),
  };
}
