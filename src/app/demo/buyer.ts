import { randomUUID } from 'node:crypto';
import type { DemoWorld } from './scenario.ts';

type Payment = Record<string, unknown>;

/**
 * Buys one job: requests it, gets a 402, has Bursar decide and sign, requests it again with the signature, and reports the result.
 */
export async function buyWithX402(world: DemoWorld, settled: (payment: Payment) => Promise<Payment>): Promise<Payment> {
  const { agent, seller } = world;
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ page: 'scan-0042.png' }),
  };
  const asked = await fetch(seller.url, { ...request, redirect: 'manual' });
  const offer = asked.headers.get('payment-required');
  if (asked.status !== 402 || offer === null) throw new Error(`The seller answered ${asked.status} instead of 402.`);
  const payment = await agent.call(
    'pay_x402',
    { url: seller.url, method: 'POST', payment_required: offer, workflow: world.workflow, memo: 'page 42' },
    { idempotencyKey: randomUUID() },
  );
  if (typeof payment.payment_signature !== 'string') return payment;
  const served = await fetch(seller.url, {
    ...request,
    headers: { ...request.headers, 'payment-signature': payment.payment_signature },
    redirect: 'manual',
  });
  await agent.call('report_x402', {
    id: String(payment.id),
    status: served.status,
    payment_response: served.headers.get('payment-response'),
  });
  if (served.status !== 200) throw new Error(`The seller answered ${served.status} to the paid request.`);
  const { text } = (await served.json()) as { text?: string };
  if (!text) throw new Error('The seller took the money and gave no text.');
  return settled(payment);
}
