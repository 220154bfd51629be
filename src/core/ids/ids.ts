import { typeid } from 'typeid-js';

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

/** A new id of that kind, later than all before it in this process. */
export function newId<K extends IdKind>(kind: K): Id<K> {
  return typeid(prefixes[kind]).toString() as Id<K>;
}

/** A pattern for schemas: `^pay_[0-7][0-9a-hjkmnp-tv-z]{25}$`. */
export function idPattern(kind: IdKind): RegExp {
  return new RegExp(`^${prefixes[kind]}_[0-7][0-9a-hjkmnp-tv-z]{25}$`);
}

const anyId = new RegExp(`^(${Object.values(prefixes).join('|')})_[0-9a-z]{26}$`, 'i');

/** Tells whether a text has the form of an id of any kind, in upper or lower case. */
export const isId = (text: string): boolean => anyId.test(text);
