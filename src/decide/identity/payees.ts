import type { Address } from 'viem';
import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId, type PayeeId } from '../../core/ids/ids.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { takeName } from './names.ts';

export const payeeKinds = ['merchant', 'agent', 'contractor', 'internal'] as const;
export type PayeeKind = (typeof payeeKinds)[number];

/** `changedAtMs`: when it took another one's place. `retiredAtMs`: when another took its place. */
export type PayeeAddress = {
  address: Address;
  firstSeenAtMs: number;
  verifiedAtMs: number | null;
  changedAtMs: number | null;
  retiredAtMs: number | null;
};
/** A counterparty. */
export type Payee = {
  id: PayeeId;
  name: string;
  kind: PayeeKind;
  status: 'active' | 'blocked';
  agentId: string | null;
  categories: string[];
  hosts: string[];
  firstSeenAtMs: number;
  addresses: PayeeAddress[];
};
type Row = {
  id: string;
  name: string;
  kind: string;
  status: string;
  agent_id: string | null;
  categories_json: string;
  hosts_json: string;
  first_seen_at: bigint;
};
type AddressRow = {
  address: string;
  first_seen_at: bigint;
  verified_at: bigint | null;
  changed_at: bigint | null;
  retired_at: bigint | null;
};
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

export function createPayee(tx: Tx, act: Act, { confirmConfusable, ...input }: NewPayee): Payee {
  const id = newId('payee');
  takeName(tx, 'payees', { id, name: input.name, confirmConfusable });
  tx.run(
    "INSERT INTO payees (id, name, kind, status, agent_id, categories_json, hosts_json, first_seen_at) VALUES (?, ?, ?, 'active', ?, ?, ?, ?)",
    id,
    input.name,
    input.kind,
    input.agentId,
    JSON.stringify(input.categories),
    JSON.stringify(input.hosts),
    act.atMs,
  );
  setHosts(tx, id, input.hosts);
  for (const { address, verified } of input.addresses) {
    tx.run(
      'INSERT INTO payee_addresses (payee_id, address, first_seen_at, verified_at) VALUES (?, ?, ?, ?)',
      id,
      address,
      act.atMs,
      verified ? act.atMs : null,
    );
  }
  recordAct(tx, act, { type: 'payee.created', data: { payee: id, ...input } });
  return getPayee(tx, id);
}

/** By id or name. Throws `payee_not_found`. */
export function getPayee(tx: ReadTx, idOrName: string): Payee {
  const row =
    tx.get<Row>('SELECT * FROM payees WHERE id = ?', idOrName) ??
    tx.get<Row>('SELECT * FROM payees WHERE name = ?', idOrName);
  if (!row) throw new BursarError('payee_not_found', { details: { payee: idOrName } });
  return toPayee(tx, row);
}

/** The payee that stands for an agent of this Bursar (by id or name): an active one, the oldest. Throws `payee_not_found`. */
export function getPayeeOfAgent(tx: ReadTx, agent: string): Payee {
  const row = tx.get<Row>(
    `SELECT p.* FROM payees p JOIN agents a ON a.id = p.agent_id WHERE p.kind = 'agent' AND (a.id = ? OR a.name = ?)
     ORDER BY (p.status = 'active') DESC, p.id LIMIT 1`,
    agent,
    agent,
  );
  if (!row) {
    const message = 'No payee stands for that agent, so it may not be paid.';
    throw new BursarError('payee_not_found', { message, details: { agent } });
  }
  return toPayee(tx, row);
}

export function listPayees(tx: ReadTx): Payee[] {
  return tx.all<Row>('SELECT * FROM payees ORDER BY id').map((row) => toPayee(tx, row));
}

export function findPayeeByHost(tx: ReadTx, host: string): Payee | null {
  const row = tx.get<Row>('SELECT p.* FROM payees p JOIN payee_hosts h ON h.payee_id = p.id WHERE h.host = ?', host);
  return row ? toPayee(tx, row) : null;
}

/** The payee that an address belongs to; the oldest one where several share it. */
export function findPayeeByAddress(tx: ReadTx, address: string): Payee | null {
  const row = tx.get<Row>(
    'SELECT p.* FROM payees p JOIN payee_addresses a ON a.payee_id = p.id WHERE a.address = ? ORDER BY a.first_seen_at, p.id LIMIT 1',
    address,
  );
  return row ? toPayee(tx, row) : null;
}

/** The newest address that is not retired. */
export function currentAddress(payee: Payee): PayeeAddress | null {
  const live = payee.addresses.filter((address) => address.retiredAtMs === null);
  return live.at(-1) ?? null;
}

/**
 * Adds an address. With `replaces` (the default where the payee has one), the address before is retired and the new one
 * carries `changed_at`: payments to it are a changed destination until someone verifies it.
 */
export function addPayeeAddress(
  tx: Tx,
  act: Act,
  idOrName: string,
  input: { address: Address; verified: boolean; replaces: boolean },
): Payee {
  const payee = getPayee(tx, idOrName);
  const known = payee.addresses.find((each) => each.address === input.address);
  if (known && known.retiredAtMs === null) {
    throw new BursarError('conflict', { message: 'The payee has that address already.' });
  }
  const replaced = input.replaces && payee.addresses.some((each) => each.retiredAtMs === null);
  if (replaced) {
    tx.run('UPDATE payee_addresses SET retired_at = ? WHERE payee_id = ? AND retired_at IS NULL', act.atMs, payee.id);
  }
  tx.run(
    `INSERT INTO payee_addresses (payee_id, address, first_seen_at, verified_at, changed_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (payee_id, address) DO UPDATE SET retired_at = NULL, verified_at = excluded.verified_at, changed_at = excluded.changed_at`,
    payee.id,
    input.address,
    act.atMs,
    input.verified ? act.atMs : null,
    replaced ? act.atMs : null,
  );
  recordAct(tx, act, { type: 'payee.address_added', data: { payee: payee.id, ...input, replaced } });
  return getPayee(tx, payee.id);
}

/** A person has checked, outside Bursar, that the address is the payee's. Throws `payee_address_missing`. */
export function verifyPayeeAddress(tx: Tx, act: Act, idOrName: string, address: Address): Payee {
  return markAddress(tx, act, idOrName, address, 'verified');
}

/** Nothing is paid there any more. A payee whose last address goes can be paid at none. Throws `payee_address_missing`. */
export function retirePayeeAddress(tx: Tx, act: Act, idOrName: string, address: Address): Payee {
  return markAddress(tx, act, idOrName, address, 'retired');
}

/** Only what is in use can be marked. */
function markAddress(tx: Tx, act: Act, idOrName: string, address: Address, as: 'verified' | 'retired'): Payee {
  const payee = getPayee(tx, idOrName);
  const changed = tx.run(
    `UPDATE payee_addresses SET ${as}_at = ? WHERE payee_id = ? AND address = ? AND retired_at IS NULL`,
    act.atMs,
    payee.id,
    address,
  );
  if (changed === 0) throw noSuchAddress(payee, address);
  recordAct(tx, act, { type: `payee.address_${as}`, data: { payee: payee.id, address } });
  return getPayee(tx, payee.id);
}

export function updatePayee(
  tx: Tx,
  act: Act,
  idOrName: string,
  change: { status?: 'active' | 'blocked'; categories?: string[]; hosts?: string[] },
): Payee {
  const payee = getPayee(tx, idOrName);
  const next = { ...payee, ...change };
  tx.run(
    'UPDATE payees SET status = ?, categories_json = ?, hosts_json = ? WHERE id = ?',
    next.status,
    JSON.stringify(next.categories),
    JSON.stringify(next.hosts),
    payee.id,
  );
  if (change.hosts) {
    tx.run('DELETE FROM payee_hosts WHERE payee_id = ?', payee.id);
    setHosts(tx, payee.id, change.hosts);
  }
  recordAct(tx, act, { type: 'payee.changed', data: { payee: payee.id, ...change } });
  return getPayee(tx, payee.id);
}

function noSuchAddress(payee: Payee, address: Address): BursarError {
  return new BursarError('payee_address_missing', {
    message: 'The payee has no such address in use.',
    details: { payee: payee.id, address },
  });
}

function setHosts(tx: Tx, payeeId: string, hosts: string[]): void {
  for (const host of new Set(hosts)) {
    const other = tx.get<{ payee_id: string }>('SELECT payee_id FROM payee_hosts WHERE host = ?', host);
    if (other) throw new BursarError('conflict', { message: `"${host}" belongs to another payee.`, details: other });
    tx.run('INSERT INTO payee_hosts (host, payee_id) VALUES (?, ?)', host, payeeId);
  }
}

function toPayee(tx: ReadTx, row: Row): Payee {
  return {
    id: row.id as PayeeId,
    name: row.name,
    kind: row.kind as PayeeKind,
    status: row.status as 'active' | 'blocked',
    agentId: row.agent_id,
    categories: JSON.parse(row.categories_json) as string[],
    hosts: JSON.parse(row.hosts_json) as string[],
    firstSeenAtMs: Number(row.first_seen_at),
    addresses: tx
      .all<AddressRow>(
        'SELECT address, first_seen_at, verified_at, changed_at, retired_at FROM payee_addresses WHERE payee_id = ? ORDER BY coalesce(changed_at, first_seen_at), rowid',
        row.id,
      )
      .map((each) => ({
        address: each.address as Address,
        firstSeenAtMs: Number(each.first_seen_at),
        verifiedAtMs: ms(each.verified_at),
        changedAtMs: ms(each.changed_at),
        retiredAtMs: ms(each.retired_at),
      })),
  };
}
