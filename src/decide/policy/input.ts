import { z } from 'zod';
import { paymentKinds } from '../../core/payment/kinds.ts';

/** The whole input of a policy. Amounts are integer micro-USDC, times epoch milliseconds (UTC). */
const micro = z.int().min(0);
const positiveMicro = z.int().min(1);
const ms = z.int().min(0);
const text = z.string().max(2048);
const status = z.enum(['active', 'frozen', 'revoked']);
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);

const seeded = z.strictObject({
  settled_count: z.int().min(0),
  last_amount: micro.nullable(),
  max_amount: micro.nullable(),
  last_at: ms.nullable(),
});

const time = z.strictObject({
  ms,
  year: z.int(),
  month: z.int().min(1).max(12),
  day: z.int().min(1).max(31),
  weekday: z.int().min(1).max(7).describe('ISO: 1 is Monday, 7 is Sunday'),
  hour: z.int().min(0).max(23),
  minute: z.int().min(0).max(59),
  zone: text,
});

const agent = z.strictObject({ id: text, name: text, status, labels: z.record(text, text) });

const payee = z.strictObject({
  id: text,
  name: text,
  kind: z.enum(['merchant', 'agent', 'contractor', 'internal']),
  status: z.enum(['active', 'blocked']),
  categories: z.array(text),
  hosts: z.array(text),
  first_seen_at: ms,
});

const destination = z.strictObject({
  address,
  known: z.boolean(),
  first_seen_at: ms.nullable(),
  verified_at: ms.nullable(),
  changed_at: ms.nullable(),
  retired: z.boolean(),
  payee_count: z.int().min(0),
});

/** The offer that was selected from the actual 402, never the first of the list or one from a preflight. */
const x402 = z.strictObject({
  path: text,
  method: text,
  scheme: text,
  payment_flow: text,
  max_timeout_seconds: z.int().min(0),
  resource: text,
  description: text.nullable(),
});

const payment = z.strictObject({
  kind: z.enum(paymentKinds),
  amount: positiveMicro,
  asset: text,
  network: text.describe('CAIP-2, as eip155:8453'),
  rail: z.enum(['wallet', 'x402']),
  category: text.nullable(),
  host: text.nullable(),
  recurring: z.boolean(),
  refund_of: text.nullable(),
  x402: x402.nullable(),
});

const approval = z.strictObject({
  approver_id: text,
  address,
  roles: z.array(text),
  is_sponsor: z.boolean(),
});

/** Only for `data.bursar.route`: earned money that is final. */
const receivable = z.strictObject({
  id: text,
  kind: z.enum(['agent_payment', 'x402_sale', 'invoice']),
  amount: positiveMicro,
  refunded: micro,
  payer: address,
  resource: text.nullable(),
  invoice: text.nullable(),
});

const funds = z.strictObject({
  available: micro.describe('Free in wallet and purse, before this payment'),
  earned: micro.describe('Received for sales, invoices and from other agents, ever'),
  passed_on: micro.describe('Of what was earned: refunded and split, ever, holds included'),
});

export const PolicyInput = z.strictObject({
  time,
  agent: agent.extend({ wallet: address.describe('The wallet that pays, or whose purse pays') }),
  sponsor: z.strictObject({ id: text, name: text, status }),
  workflow: z.strictObject({ id: text, name: text, status, run: text.nullable() }).nullable(),
  payee: payee.nullable(),
  destination,
  payment,
  history: z.strictObject({ payee: seeded, address: seeded, host_last_address: address.nullable() }),
  funds,
  previous: text.nullable().describe('Under review: the hash of the decision before this one'),
  approvals: z.array(approval),
  receivable: receivable.optional(),
  mandate: z
    .strictObject({ id: text, signers: z.array(address).describe('Whose signatures under it count for this payment') })
    .nullable(),
  meters: z.record(text, z.strictObject({ total: micro, count: z.int().min(0), last_at: ms.nullable() })),
});
export type PolicyInput = z.infer<typeof PolicyInput>;

/** The input of `data.bursar.route` about one receivable. */
export const RouteInput = PolicyInput.pick({ sponsor: true, funds: true }).extend({ agent, receivable });
export type RouteInput = z.infer<typeof RouteInput>;
