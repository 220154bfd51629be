import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { AgentId } from '../../core/ids/ids.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { toJson } from '../../core/money/json.ts';
import { checkCadence } from '../../core/time/cadence.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { getAgent } from '../identity/agents.ts';
import { findApproverByAddress } from '../identity/approvers.ts';
import { getPayee } from '../identity/payees.ts';
import type { Mandate, MandateId, MandateInForce, MandateStatus, MandateTerms, MandateUse } from './mandate.ts';
import {
  activateMandate,
  addMandate,
  addSignature,
  closeMandate,
  type MandateRow,
  mandateById,
  mandatesInForce,
  newestMandates,
  newestMandatesOfAgent,
  paidUnder,
  signersOf,
  waitingMandates,
} from './queries.ts';

export type { Mandate, MandateId, MandateStatus } from './mandate.ts';

/** Records a mandate that an agent, or a person for it, requests. It allows nothing until approvers have signed. */
export async function requestMandate(
  tx: Tx,
  act: Act,
  { id, terms, reason }: { id: MandateId; terms: MandateTerms; reason: string },
): Promise<Mandate> {
  const agent = await getAgent(tx, terms.agent);
  for (const payee of terms.payees) await getPayee(tx, payee);
  if (terms.payees.length + terms.categories.length + terms.hosts.length === 0) {
    throw new BursarError('invalid_request', { message: 'A mandate names payees, categories or hosts.' });
  }
  if (terms.perPayment > terms.total) {
    throw new BursarError('invalid_request', { message: 'The cap per payment is above the total.' });
  }
  if (terms.expiresAtMs <= terms.notBeforeMs || terms.expiresAtMs <= act.atMs) {
    throw new BursarError('invalid_request', { message: 'The mandate would be over before it begins.' });
  }
  if (terms.cadence) checkCadence({ ...terms.cadence, startsAtMs: terms.notBeforeMs });
  await refuseFlood(tx, agent.id, act.atMs);
  const { notBeforeMs: notBefore, expiresAtMs: expires } = terms;
  const asked = { reason, by: act.actor, at: act.atMs };
  await tx.run(addMandate, { id, agent: agent.id, terms: toJson(terms), ...asked, notBefore, expires });
  const data = { mandate: id, reason, terms: JSON.parse(toJson(terms)) as unknown };
  await recordAct(tx, act, { type: 'mandate.requested', agentId: agent.id, sponsorId: agent.sponsorId, data });
  return getMandate(tx, id);
}

/** Each request notifies people, so open requests are limited: a model cannot ask without end. */
async function refuseFlood(tx: Tx, agentId: string, atMs: number): Promise<void> {
  const waiting = await tx.get(waitingMandates, { agent: agentId, at: atMs });
  if ((waiting?.n ?? 0n) < BigInt(OPEN_REQUESTS)) return;
  throw new BursarError('conflict', { message: `${OPEN_REQUESTS} mandates of this agent wait for people already.` });
}
const OPEN_REQUESTS = 20;

/** Adds a person's verified EIP-712 signature over the stored terms. The first one makes the mandate active. */
export async function signMandate(
  tx: Tx,
  act: Act,
  id: string,
  signed: { approverAddress: string; signature: string; typedDataJson: string },
): Promise<Mandate> {
  const mandate = await getMandate(tx, id);
  if (mandate.status !== 'requested' && mandate.status !== 'active') throw ended(mandate);
  if (mandate.terms.expiresAtMs <= act.atMs)
    throw new BursarError('approval_invalid', { message: 'The mandate has expired.' });
  const approver = await findApproverByAddress(tx, signed.approverAddress);
  if (approver?.status !== 'active') throw new BursarError('approver_not_found');
  if (mandate.signers.some((signer) => signer.approver === approver.id)) {
    throw new BursarError('approval_invalid', { message: 'This approver has signed already.' });
  }
  const { signature, typedDataJson: typedData } = signed;
  await tx.run(addSignature, { mandate: mandate.id, approver: approver.id, signature, typedData, at: act.atMs });
  await tx.run(activateMandate, { id: mandate.id });
  const data = { mandate: mandate.id, signed_by: approver.id };
  await recordAct(tx, { ...act, actor: approver.id }, { type: 'mandate.signed', agentId: mandate.agentId, data });
  return getMandate(tx, mandate.id);
}

/** Ends it at once: `declined` before a signature, `revoked` after. The next decision ignores it. */
export async function endMandate(tx: Tx, act: Act, id: string): Promise<Mandate> {
  const mandate = await getMandate(tx, id);
  if (mandate.status !== 'requested' && mandate.status !== 'active') throw ended(mandate);
  const status = mandate.status === 'requested' ? 'declined' : 'revoked';
  await tx.run(closeMandate, { id: mandate.id, status, at: act.atMs });
  await recordAct(tx, act, { type: `mandate.${status}`, agentId: mandate.agentId, data: { mandate: mandate.id } });
  return getMandate(tx, mandate.id);
}

export async function getMandate(tx: ReadTx, id: string): Promise<Mandate> {
  const row = await tx.get(mandateById, { id });
  if (!row) throw new BursarError('mandate_not_found', { details: { mandate: id } });
  return toMandate(tx, row);
}

export async function listMandates(tx: ReadTx, agentId: string | undefined): Promise<Mandate[]> {
  const rows =
    agentId === undefined ? await tx.all(newestMandates) : await tx.all(newestMandatesOfAgent, { agent: agentId });
  return mapInOrder(rows, (row) => toMandate(tx, row));
}

/** The sum paid under it, holds included; returned money does not count. */
export async function mandateUse(tx: ReadTx, id: string): Promise<MandateUse> {
  const row = await tx.get(paidUnder, { mandate: id });
  return {
    total: row?.total ?? 0n,
    count: Number(row?.count ?? 0n),
    lastAtMs: row?.last_at == null ? null : Number(row.last_at),
  };
}

/** The active mandates of each agent, oldest first, each with its use. */
export async function readMandatesInForce(
  tx: ReadTx,
  agents: readonly string[],
  atMs: number,
): Promise<Map<string, MandateInForce[]>> {
  const rows = await tx.allEach(
    mandatesInForce,
    agents.map((agent) => ({ agent, at: atMs })),
  );
  const inForce = new Map<string, MandateInForce[]>();
  for (const [index, agent] of agents.entries()) {
    const withUse = async (row: MandateRow) => ({ ...(await toMandate(tx, row)), use: await mandateUse(tx, row.id) });
    inForce.set(agent, await mapInOrder(rows[index] ?? [], withUse));
  }
  return inForce;
}

/** Signatures of former approvers do not count. */
async function toMandate(tx: ReadTx, row: MandateRow): Promise<Mandate> {
  const signers = await tx.all(signersOf, { mandate: row.id });
  return {
    id: row.id as MandateId,
    agentId: row.agent_id as AgentId,
    status: row.status as MandateStatus,
    terms: fromJson(row.terms_json),
    reason: row.reason,
    requestedBy: row.requested_by,
    requestedAtMs: Number(row.requested_at),
    signers: signers.map((each) => ({
      approver: each.id,
      address: each.address,
      name: each.name,
      roles: JSON.parse(each.roles_json) as string[],
      sponsorId: each.sponsor_id,
      signedAtMs: Number(each.signed_at),
    })),
  };
}

const ended = (mandate: Mandate): BursarError =>
  new BursarError('conflict', { message: `The mandate is ${mandate.status}.`, details: { mandate: mandate.id } });

function fromJson(text: string): MandateTerms {
  const stored = JSON.parse(text) as Omit<MandateTerms, 'perPayment' | 'total'> & { perPayment: string; total: string };
  return { ...stored, perPayment: BigInt(stored.perPayment), total: BigInt(stored.total) };
}
