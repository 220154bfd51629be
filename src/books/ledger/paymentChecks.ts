import type { PaymentId } from '../../core/ids/ids.ts';
import { paymentIdOnChain } from '../../core/ids/paymentIdOnChain.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { ReadTx } from '../../store/store.ts';
import { type EventBody, firstEvents } from './evidence.ts';
import { bodiesOfPayment, firstInput, movedByPayment } from './queries.ts';
import type { StoredRow } from './rowDigest.ts';

/** The inputs of a payment's decision, as far as the payment's row repeats them. */
type Input = {
  time?: { ms?: unknown };
  agent?: { id?: unknown };
  sponsor?: { id?: unknown };
  workflow?: { id?: unknown; run?: unknown } | null;
  payee?: { id?: unknown } | null;
  destination?: { address?: unknown };
  payment?: Record<string, unknown>;
};

/** A column, its value by the evidence, and the name of the evidence. */
type Said = readonly [column: string, value: unknown, by: string];

/** The differences between a payment's row and its decision's input, its events or its entries: one clause per column. */
export async function paymentFindings(tx: ReadTx, row: StoredRow): Promise<string[]> {
  const id = String(row.id);
  const events = (await tx.all(bodiesOfPayment, { payment: id })).flatMap(({ body }) => readBody(body) ?? []);
  const first = events.find(({ type }) => firstEvents.has(type));
  if (!first) return ['no event says how it began'];
  const decision = await tx.get(firstInput, { payment: id });
  const input = decision && readInput(decision.input);
  const said = [
    ['chain_key', paymentIdOnChain(id as PaymentId), 'its id'] as const,
    ...saidByFirst(first),
    ...(input ? saidByInput(input) : []),
    ...saidByState(events),
    ['held_micro', await heldOf(tx, row), 'its entries'] as const,
    ...saidByRequest(row),
  ];
  const seen = new Set<string>();
  const clauses: string[] = input ? [] : ['it has no decision that can be read'];
  for (const [column, value, by] of said) {
    if (seen.has(column) || same(row[column], value)) continue;
    seen.add(column);
    clauses.push(`${column} is ${shown(column, row[column])} and ${by} says ${shown(column, value)}`);
  }
  return clauses;
}

function saidByFirst({ seq, at, agent, sponsor, workflow, data }: EventBody): Said[] {
  const by = `event ${seq}`;
  return [
    ['agent_id', agent, by],
    ['sponsor_id', sponsor, by],
    ['workflow_id', workflow, by],
    ['kind', data.kind, by],
    ['rail', data.rail, by],
    ['payee_id', data.payee, by],
    ['address', data.address, by],
    ['decision_hash', data.decision_hash, by],
    ['funds_payment', data.funds, by],
    ['mandate_id', data.mandate, by],
    ['created_at', Date.parse(at), by],
  ];
}

function saidByInput({ time, agent, sponsor, workflow, payee, destination, payment }: Input): Said[] {
  const by = "its decision's input";
  return [
    ['agent_id', agent?.id, by],
    ['sponsor_id', sponsor?.id, by],
    ['workflow_id', workflow?.id, by],
    ['workflow_run', workflow?.run, by],
    ['payee_id', payee?.id, by],
    ['address', destination?.address, by],
    ['kind', payment?.kind, by],
    ['rail', payment?.rail, by],
    ['amount_micro', payment?.amount, by],
    ['category', payment?.category, by],
    ['host', payment?.host, by],
    ['chain_id', String(payment?.network).replace(/^eip155:/, ''), by],
    ['created_at', time?.ms, by],
  ];
}

/** The state after each event that changes a payment. */
const stateAfter: Readonly<Record<string, string>> = {
  'payment.allowed': 'authorized',
  'payment.denied': 'denied',
  'payment.review_requested': 'in_review',
  'payment.approved': 'authorized',
  'payment.rejected': 'rejected',
  'payment.expired': 'expired',
  'payment.cancelled': 'cancelled',
  'payment.submitted': 'submitted',
  'payment.settled': 'settled',
  'payment.final': 'final',
  'payment.reorged': 'submitted',
  'payment.failed': 'failed',
};

/** The payment by its last event: its state, the time of it, and where it settled. */
function saidByState(events: readonly EventBody[]): Said[] {
  const moves = events.filter(({ type, data }) => type in stateAfter && !('waits_for' in data));
  const last = moves.at(-1);
  if (!last) return [];
  const by = `event ${last.seq}`;
  const state = stateAfter[last.type];
  const settled =
    state === 'settled' || state === 'final' ? moves.findLast(({ type }) => type === 'payment.settled') : undefined;
  const where = settled ? `event ${settled.seq}` : by;
  return [
    ['state', state, by],
    ['updated_at', Date.parse(last.at), by],
    ['tx_hash', settled?.data.tx_hash, where],
    ['log_index', settled?.data.log_index, where],
    ['block_number', settled?.data.block, where],
    ...(settled
      ? []
      : ([
          ['block_hash', null, where],
          ['settled_at', null, where],
        ] as const)),
  ];
}

/** The result for a request with a memo. */
function saidByRequest(row: StoredRow): Said[] {
  const request = readInput(String(row.request_json)) as Record<string, unknown> | null;
  return request && typeof request.memo === 'string' ? [['memo', request.memo, 'its request_json']] : [];
}

/** The balance of the payment's hold account: increased by reserves and reorgs, reduced by releases and settlements. */
async function heldOf(tx: ReadTx, row: StoredRow): Promise<bigint> {
  const held = `${row.agent_id}:${row.rail === 'x402' ? 'purse_reserved' : 'reserved'}`;
  return (await tx.get(movedByPayment, { payment: String(row.id), account: held }))?.sum ?? 0n;
}

const same = (stored: unknown, said: unknown): boolean =>
  stored === null || stored === undefined ? said === null || said === undefined : String(stored) === String(said ?? '');

function shown(column: string, value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (column.endsWith('_micro') && /^\d+$/.test(String(value))) return formatUsdc(BigInt(String(value)));
  return JSON.stringify(String(value).slice(0, 80));
}

function readBody(text: string): EventBody | null {
  try {
    return JSON.parse(text) as EventBody;
  } catch {
    return null;
  }
}

function readInput(text: string): Input | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}
