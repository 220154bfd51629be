import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ChainTransfer, transfersFrom, usdcOf } from './chainFacts.ts';
import type { Asked, Payers } from './payers.ts';
import type { World } from './world.ts';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../src/app/cli/bursar.mjs', import.meta.url));
const PAGE = 200;
/** Once everything works again, so long without a transfer or an end means that payments are stuck. */
const STALLED_MS = 120_000;
const OPEN = ['authorized', 'submitted', 'in_review'];
const PAID = ['settled', 'final'];

type PaymentDocument = {
  id: string;
  state: string;
  agent: string;
  address: string;
  amount: { value: string };
  settlement: { tx_hash: string; log_index: number } | null;
};

export type Verdict = {
  /** What is not as it must be; empty if all is well. */
  findings: string[];
  counts: Record<string, number>;
};

/**
 * Compares, once everything works again, what clients know, what Bursar says and what the chain says: each accepted key is one
 * payment, each settled payment one transfer, nothing else left a wallet, and no money is held.
 */
export async function judge(world: World, payers: readonly Payers[]): Promise<Verdict> {
  const { asked, servers } = world;
  const findings = [
    ...payers.flatMap(({ wrong }) => wrong),
    ...servers.flatMap(({ deaths }) => deaths.map((how) => `A server died: ${how}`)),
  ];
  const open = await openPayments(world);
  findings.push(...open.map(({ id, state }) => `${id} is still ${state}`));
  const payments = await allPayments(world);
  const transfers = await transfersOf(world);
  findings.push(...keysAndPayments(asked, payments));
  findings.push(...paymentsAndTransfers(world, payments, transfers));
  findings.push(...(await money(world, transfers)));
  const { alerts } = (await world.operator.call('list_alerts', { limit: PAGE })) as {
    alerts: { type: string; resolved_at: string | null; data: unknown }[];
  };
  for (const { type, resolved_at, data } of alerts) {
    if (resolved_at === null) findings.push(`alert ${type}: ${JSON.stringify(data)}`);
  }
  findings.push(...(await ledgerCheck(world)));
  const counts: Record<string, number> = { keys: asked.length, transfers: transfers.length };
  for (const { state } of payments) counts[state] = (counts[state] ?? 0) + 1;
  return { findings, counts };
}

/** Waits until nothing is on its way, as long as transfers still appear on the chain; those that are left. */
async function openPayments(world: World): Promise<PaymentDocument[]> {
  let moved = -1;
  let untilMs = 0;
  for (;;) {
    const found: PaymentDocument[] = [];
    for (const state of OPEN) {
      const answer = await world.operator.call('list_payments', { state, limit: 20 });
      found.push(...(answer.payments as PaymentDocument[]));
    }
    if (found.length === 0) return [];
    const now = (await transfersOf(world)).length;
    if (now !== moved) untilMs = performance.now() + STALLED_MS;
    moved = now;
    if (performance.now() > untilMs) return found;
    await sleep(500);
  }
}

const transfersOf = ({ local, agents }: World): Promise<ChainTransfer[]> =>
  transfersFrom(
    local.anvil.url,
    local.usdc.address,
    agents.map(({ wallet }) => wallet),
  );

async function allPayments(world: World): Promise<PaymentDocument[]> {
  const found: PaymentDocument[] = [];
  let cursor: string | undefined;
  do {
    const answer = await world.operator.call('list_payments', { limit: PAGE, ...(cursor ? { cursor } : {}) });
    found.push(...(answer.payments as PaymentDocument[]));
    cursor = answer.next_cursor === null ? undefined : String(answer.next_cursor);
  } while (cursor);
  return found;
}

/** Every answered key has one payment of its agent, amount and payee; there is no payment that nobody asked for. */
function keysAndPayments(asked: readonly Asked[], payments: readonly PaymentDocument[]): string[] {
  const findings: string[] = [];
  const known = new Map(payments.map((payment) => [payment.id, payment]));
  if (known.size !== payments.length) findings.push('One payment is listed twice.');
  for (const { key, ids, agent, payee, micro } of asked) {
    if (ids.size === 0) continue;
    if (ids.size > 1) findings.push(`${key} has ${ids.size} payments: ${[...ids].join(', ')}`);
    for (const id of ids) {
      const payment = known.get(id);
      known.delete(id);
      if (!payment) findings.push(`${key}: the answered payment ${id} is gone, or answers another key too`);
      else if (
        payment.agent !== agent.id ||
        microOf(payment.amount.value) !== micro ||
        payment.address.toLowerCase() !== payee.address.toLowerCase()
      ) {
        findings.push(`${key}: ${id} is not what was asked for`);
      }
    }
  }
  // A key whose client gave up with an error may have its payment too: it is counted as wrong already.
  const given = new Set(asked.filter(({ ids }) => ids.size === 0).map(({ micro }) => micro));
  for (const { id, amount } of known.values()) {
    if (!given.has(microOf(amount.value))) findings.push(`${id} was asked for by nobody`);
  }
  return findings;
}

/** Each settled payment is exactly the one transfer that it names; every other transfer is a finding. */
function paymentsAndTransfers(
  world: World,
  payments: readonly PaymentDocument[],
  transfers: readonly ChainTransfer[],
): string[] {
  const findings: string[] = [];
  const walletOf = new Map(world.agents.map(({ id, wallet }) => [id, wallet.toLowerCase()]));
  const left = new Map(transfers.map((transfer) => [placeOf(transfer.transaction, transfer.logIndex), transfer]));
  if (left.size !== transfers.length) findings.push('The chain tells one transfer twice.');
  for (const { id, state, agent, address, amount, settlement } of payments) {
    if (!PAID.includes(state)) continue;
    if (!settlement) {
      findings.push(`${id} is ${state} and names no transfer`);
      continue;
    }
    const place = placeOf(settlement.tx_hash, settlement.log_index);
    const transfer = left.get(place);
    left.delete(place);
    if (!transfer) findings.push(`${id} is ${state}, and ${place} is no transfer, or another payment's`);
    else if (
      transfer.from !== walletOf.get(agent) ||
      transfer.to !== address.toLowerCase() ||
      transfer.micro !== microOf(amount.value)
    ) {
      findings.push(`${id}: ${place} moved ${transfer.micro} to ${transfer.to}`);
    }
  }
  for (const [place, { micro, to }] of left) findings.push(`${place} moved ${micro} to ${to} for no settled payment`);
  return findings;
}

/** No account holds money for a payment, and what is free is what was put in less what the chain says went out. */
async function money(world: World, transfers: readonly ChainTransfer[]): Promise<string[]> {
  const findings: string[] = [];
  for (const { id, name, wallet } of world.agents) {
    const { balances } = (await world.operator.call('get_agent', { id })) as {
      balances: Record<'available' | 'reserved' | 'purse' | 'purse_reserved' | 'suspense', { value: string }>;
    };
    for (const account of ['reserved', 'purse', 'purse_reserved', 'suspense'] as const) {
      if (microOf(balances[account].value) !== 0n) findings.push(`${name}: ${account} is ${balances[account].value}`);
    }
    const out = transfers
      .filter(({ from }) => from === wallet.toLowerCase())
      .reduce((sum, { micro }) => sum + micro, 0n);
    const there = await usdcOf(world.local.anvil.url, world.local.usdc.address, wallet);
    if (there !== world.fundedMicro - out) findings.push(`${name}: the wallet holds ${there} after ${out} went out`);
    const available = microOf(balances.available.value);
    if (available !== there) findings.push(`${name}: the books say ${available} and the chain ${there}`);
  }
  return findings;
}

/** The command as an operator runs it. */
async function ledgerCheck(world: World): Promise<string[]> {
  const args = [CLI, 'ledger', 'check', '--json', '--data-dir', world.dataDir];
  try {
    const { stdout } = await run(process.execPath, args, { maxBuffer: 16_000_000 });
    return (JSON.parse(stdout) as { ok: boolean }).ok ? [] : [`ledger check: ${stdout}`];
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return [`ledger check: ${stdout || stderr || error}`];
  }
}

const placeOf = (transaction: string, logIndex: number): string => `${transaction}#${logIndex}`;

/** `1.000001` as whole micro-USDC, read without Bursar's own parser. */
function microOf(value: string): bigint {
  const [whole = '0', part = ''] = value.split('.');
  return BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, '0'));
}
