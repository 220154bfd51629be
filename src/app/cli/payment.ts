import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../api/client/client.ts';
import type { Document } from './operationCommand.ts';
import { paintState, type Screen } from './screen.ts';
import { visible } from './table.ts';
import { at, text } from './values.ts';

const POLL_MS = 200;

/** States in which money has not moved and never will. */
const ended = ['denied', 'rejected', 'expired', 'failed', 'cancelled'];
export const isRefusal = (payment: Document): boolean => ended.includes(String(payment.state));

/** Returns the payment once it has settled, waits for approval, or has ended. */
export async function afterwards(client: Client, payment: Document): Promise<Document> {
  let now = payment;
  while (['authorized', 'submitted'].includes(String(now.state))) {
    await sleep(POLL_MS);
    now = await client.call('get_payment', { id: now.id });
  }
  return now;
}

/** Shows a payment to a person: its terms, its state, the reasons, and what the policy would allow instead. */
export function showPayment(screen: Screen, payment: Document): void {
  const { reasons, hints, replayed, review, settlement, payment_signature: _signature, ...rest } = payment;
  const to = text(payment.payee ?? payment.address);
  screen.line(
    `${paintState(screen, String(payment.state))}  ${text(payment.amount)} USDC to ${visible(to)}${replayed === true ? '  (seen before)' : ''}`,
  );
  for (const reason of (reasons as Document[] | undefined) ?? []) {
    screen.line(`  ${text(reason.code)}: ${visible(text(reason.message))}`);
  }
  for (const line of hintLines(hints)) screen.line(`  ${line}`);
  if (payment.state === 'in_review') {
    screen.line(
      `  waits for ${text(at(review, 'quorum'))} of: ${text(at(review, 'roles'))}, until ${text(at(review, 'expires_at'))}`,
    );
    screen.line(`  look and sign: bursar approve ${text(payment.id)}`);
  }
  screen.line();
  screen.details({ ...rest, ...(review ? { review } : {}), ...(settlement ? { settlement } : {}) });
}

function hintLines(hints: unknown): string[] {
  const [amount, time, roles] = [
    at(hints, 'largest_amount_now'),
    at(hints, 'earliest_time'),
    at(hints, 'unlocked_by.roles'),
  ];
  return [
    ...(amount ? [`would pass now: at most ${text(amount)} USDC`] : []),
    ...(time ? [`would pass from ${text(time)} on`] : []),
    ...(roles ? [`would pass with ${text(at(hints, 'unlocked_by.quorum'))} of: ${text(roles)}`] : []),
  ];
}
