import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../api/client/client.ts';
import type { DemoLine } from '../demo/scenario.ts';
import type { Document } from './operationCommand.ts';
import { paintState, type Screen } from './screen.ts';
import { at, short, text } from './values.ts';

/** Terminals of this width or more show whole hashes. */
const WIDE_COLUMNS = 220;

const POLL_MS = 100;
const POLLS_MAX = 50;

/** Every payment of the timeline in its current state, with the top-ups of the purse. */
export async function demoLines(operator: Client, lines: readonly DemoLine[]): Promise<DemoLine[]> {
  const now = await Promise.all(
    lines.map(async ({ step, payment }) => ({ step, payment: await accounted(operator, payment) })),
  );
  const agent = now[0]?.payment.agent;
  if (agent === undefined) return now;
  const { payments } = await operator.call('list_payments', { agent, kind: 'top_up' });
  const topUps = (payments as Document[]).map((payment) => ({ step: 'tops up its x402 purse', payment }));
  return [...topUps, ...now];
}

/** The follower may see a transfer shortly before the relayer records the gas of its own transaction. */
async function accounted(operator: Client, { id }: Document): Promise<Document> {
  for (let poll = 1; ; poll += 1) {
    const payment = await operator.call('get_payment', { id });
    const { settlement, rail } = payment;
    if (rail !== 'wallet' || !settlement || at(settlement, 'gas_used') !== null || poll === POLLS_MAX) return payment;
    await sleep(POLL_MS);
  }
}

export function showDemoTable(
  screen: Screen,
  lines: readonly DemoLine[],
  gasOf: (txHash: string) => bigint | undefined,
): void {
  const hash = (value: unknown): string => ((process.stdout.columns ?? 0) >= WIDE_COLUMNS ? text(value) : short(value));
  screen.table<DemoLine>(
    [
      { title: 'step', cell: ({ step }) => step },
      { title: 'state', cell: ({ payment }) => text(payment.state), paint: (shown) => paintState(screen, shown) },
      { title: 'reason', cell: ({ payment }) => text(at(payment, 'reasons.0.code')) },
      { title: 'USDC', align: 'right', cell: ({ payment }) => text(payment.amount) },
      { title: 'policy', cell: ({ payment }) => hash(payment.policy_digest) },
      { title: 'transaction', cell: ({ payment }) => hash(at(payment, 'settlement.tx_hash')) },
      { title: 'gas', align: 'right', cell: ({ payment }) => gasText(payment, gasOf) },
    ],
    lines,
  );
}

/** A payment's share of the gas of its transaction; that of a seller's facilitator is read from the chain. */
function gasText(payment: Document, gasOf: (txHash: string) => bigint | undefined): string {
  const settlement = payment.settlement as Document | null;
  if (!settlement) return '-';
  const used = settlement.gas_used === null ? gasOf(String(settlement.tx_hash)) : BigInt(String(settlement.gas_used));
  if (used === undefined) return '-';
  // None if our own facilitator carried it: one transaction per authorization.
  const share = used / BigInt(Math.max(1, Number(settlement.payments_in_transaction)));
  return share.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
