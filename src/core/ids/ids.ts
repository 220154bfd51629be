import { TypeID, typeid } from 'typeid-js';

/** Ids are TypeIDs: a prefix that names the kind and a UUIDv7 in base 32, so they sort by time (github.com/jetify-com/typeid). */
export const prefixes = {
  sponsor: 'spn',
  agent: 'agt',
  payee: 'pye',
  workflow: 'wfl',
  payment: 'pay',
  approver: 'apr',
  approval: 'apv',
  person: 'psn',
  credential: 'key',
  receivable: 'rcv',
  invoice: 'inv',
  refundRequest: 'rfq',
  mandate: 'mdt',
  noticeEndpoint: 'nep',
  notice: 'ntc',
  schedule: 'sch',
  batch: 'bat',
} as const;

export type IdKind = keyof typeof prefixes;
export type Id<K extends IdKind> = `${(typeof prefixes)[K]}_${string}`;
export type AgentId = Id<'agent'>;
export type PaymentId = Id<'payment'>;
export type PayeeId = Id<'payee'>;
export type ReceivableId = Id<'receivable'>;
export type SponsorId = Id<'sponsor'>;
export type WorkflowId = Id<'workflow'>;

/** The 16 bytes of each new id; null: a UUIDv7 of the machine's clock and random numbers. */
let source: (() => Uint8Array) | null = null;

/** Sets where the bytes of new ids come from in this process: a simulation must give the same ids again. Null: as in production. */
export function setIdSource(bytes: (() => Uint8Array) | null): void {
  source = bytes;
}

/** A new id of that kind, later than all before it in this process. */
export function newId<K extends IdKind>(kind: K): Id<K> {
  const id = source === null ? typeid(prefixes[kind]) : TypeID.fromUUIDBytes(prefixes[kind], source());
  return id.toString() as Id<K>;
}

/** A pattern for schemas: `^pay_[0-7][0-9a-hjkmnp-tv-z]{25}$`. */
export function idPattern(kind: IdKind): RegExp {
  return new RegExp(`^${prefixes[kind]}_[0-7][0-9a-hjkmnp-tv-z]{25}$`);
}

const anyId = new RegExp(`^(${Object.values(prefixes).join('|')})_[0-9a-z]{26}$`, 'i');

/** Tells whether a text has the form of an id of any kind, in upper or lower case. */
export const isId = (text: string): boolean => anyId.test(text);
