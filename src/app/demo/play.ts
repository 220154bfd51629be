import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../api/client/client.ts';
import { buyWithX402 } from './buyer.ts';
import { earn } from './earn.ts';
import { prepare } from './prepare.ts';
import type { DemoLine, DemoOptions, DemoResult, DemoWorld } from './scenario.ts';

const SETTLE_WAIT_MS = 60_000;

/** Plays the scenario over the public HTTP API alone, and compares each step with its expected result. */
export async function playDemo(options: DemoOptions): Promise<DemoResult> {
  const startedAt = performance.now();
  const world = await prepare(options);
  try {
    return await tell(options, world, startedAt);
  } finally {
    await world.stop();
  }
}

async function tell(options: DemoOptions, world: DemoWorld, startedAt: number): Promise<DemoResult> {
  const { agent, say } = { agent: world.agent, say: options.say };
  const lines: DemoLine[] = [];
  const problems: string[] = [];
  let firstSettledMs = 0;

  async function step(name: string, wanted: string, run: () => Promise<Record<string, unknown>>): Promise<void> {
    try {
      const payment = await run();
      lines.push({ step: name, payment });
      const state = String(payment.state);
      const good = wanted === 'settled' ? state === 'settled' || state === 'final' : state === wanted;
      if (firstSettledMs === 0 && wanted === 'settled' && good) firstSettledMs = performance.now() - startedAt;
      say(`${good ? 'ok  ' : 'FAIL'} ${name}: ${state}${reasonOf(payment)}`);
      if (!good) problems.push(`${name}: ${state} instead of ${wanted}${reasonOf(payment)}`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      say(`FAIL ${name}: ${message}`);
      problems.push(`${name}: ${message}`);
    }
  }
  const pay = (body: Record<string, unknown>) =>
    agent.call('pay', { workflow: world.workflow, ...body }, { idempotencyKey: randomUUID() });
  const settled = async (payment: Record<string, unknown>) => waitSettled(agent, payment);

  await step('buys an OCR job over x402', 'settled', () => buyWithX402(world, settled));
  await step('pays a contractor', 'settled', async () =>
    settled(await pay({ payee: world.contractor, amount: usdc('12.50'), memo: 'proof-reading' })),
  );
  await step('is refused a payee that is not on the list', 'denied', () =>
    pay({ address: '0x000000000000000000000000000000000000bEEF', amount: usdc('5.00') }),
  );
  await step('is refused an amount over the cap', 'denied', () =>
    pay({ payee: world.contractor, amount: usdc('75.00'), memo: 'a year in advance' }),
  );
  await step("a payment to the contractor's changed address is reviewed and approved", 'settled', async () => {
    await world.changeAddress();
    const payment = await pay({ payee: world.contractor, amount: usdc('4.00'), memo: 'new bank, new wallet' });
    if (payment.state !== 'in_review') return payment;
    await approve(options, String(payment.id));
    return settled(payment);
  });
  await step('a second one waits for approval', 'in_review', () =>
    pay({ payee: world.contractor, amount: usdc('6.00'), memo: 'please, soon' }),
  );
  await batch(world, settled, { lines, problems, say });
  await sell(options, world, { lines, problems, say });
  const ledger = await options.operator.call('check_ledger');
  say(ledger.ok ? 'ok   the books agree with the chain' : 'FAIL the books do not agree with the chain');
  for (const check of ledger.checks as { name: string; ok: boolean; detail: string }[]) {
    if (!check.ok) problems.push(`ledger: ${check.name}: ${check.detail}`);
  }
  return { ok: problems.length === 0, lines, problems, firstSettledMs };
}

type Report = { lines: DemoLine[]; problems: string[]; say: (line: string) => void };

async function batch(
  world: DemoWorld,
  settled: (payment: Record<string, unknown>) => Promise<Record<string, unknown>>,
  { lines, problems, say }: Report,
): Promise<void> {
  const payments = world.crew.addresses.map((address) => ({
    payee: world.crew.id,
    address,
    amount: usdc('0.05'),
    workflow: world.workflow,
    memo: 'one label',
  }));
  const answer = await world.agent.call('pay_batch', { payments }, { idempotencyKey: randomUUID() });
  const done: Record<string, unknown>[] = [];
  for (const payment of answer.payments as Record<string, unknown>[]) done.push(await settled(payment));
  const hashes = new Set(done.map((payment) => (payment.settlement as { tx_hash?: string } | null)?.tx_hash));
  const good = hashes.size === 1 && !hashes.has(undefined);
  say(`${good ? 'ok  ' : 'FAIL'} ${done.length} micro-payouts settle in ${hashes.size} transaction(s)`);
  if (!good) problems.push(`the batch took ${hashes.size} transactions`);
  done.forEach((payment, index) => {
    lines.push({ step: `micro-payout ${index + 1} of ${done.length}`, payment });
  });
}

/** The vendor sells through a gateway, a model buys by MCP, the revenue is split, one sale is refunded. */
async function sell(options: DemoOptions, world: DemoWorld, { lines, problems, say }: Report): Promise<void> {
  try {
    const { sale, splits, refund } = await earn(options, world);
    const amounts = splits.map((payment) => (payment.amount as { value: string }).value);
    const good = amounts.join() === '0.07,0.02,0.01' && ['settled', 'final'].includes(String(refund.state));
    lines.push({ step: 'an MCP client buys a page through the gateway', payment: sale });
    splits.forEach((payment, index) => {
      lines.push({ step: `its revenue is split, ${index + 1} of ${splits.length}`, payment });
    });
    lines.push({ step: 'the vendor gives it back', payment: refund });
    say(
      `${good ? 'ok  ' : 'FAIL'} an MCP client buys through the gateway, it is split ${amounts.join(' / ')}, and refunded`,
    );
    if (!good) problems.push(`the sale was split ${amounts.join(' / ')} and its refund is ${String(refund.state)}`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say(`FAIL the vendor sells through the gateway: ${message}`);
    problems.push(`the vendor sells through the gateway: ${message}`);
  }
}

/** The approver reads the payment, signs it with an own key, and submits the signature. */
async function approve(options: DemoOptions, id: string): Promise<void> {
  const review = await options.operator.call('get_review', { id });
  const signature = await options.approver.sign(review.approve);
  const approver = options.approver.address;
  await options.operator.call('answer_review', { id, verdict: 'approve', approver, signature });
}

async function waitSettled(agent: Client, payment: Record<string, unknown>): Promise<Record<string, unknown>> {
  const until = performance.now() + SETTLE_WAIT_MS;
  let now = payment;
  while (performance.now() < until) {
    now = await agent.call('get_payment', { id: String(payment.id) });
    if (!['authorized', 'submitted'].includes(String(now.state))) return now;
    await sleep(100);
  }
  return now;
}

const usdc = (value: string) => ({ value, currency: 'USDC' });

function reasonOf(payment: Record<string, unknown>): string {
  const reasons = payment.reasons as { code: string; message: string }[] | undefined;
  const shown = (reasons ?? []).filter((reason) => reason.code !== 'allowed');
  return ['denied', 'in_review', 'failed', 'rejected'].includes(String(payment.state)) && shown.length > 0
    ? ` (${shown.map((reason) => reason.message).join(' ')})`
    : '';
}
