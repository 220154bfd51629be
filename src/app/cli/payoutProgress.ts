import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../api/client/client.ts';
import type { Document } from './operationCommand.ts';
import type { Screen } from './screen.ts';
import { at } from './values.ts';

const POLL_MS = 1_000;
const WIDTH = 30;

/** Polls until every line has settled, ended or waits for approval; shows a bar on stderr. */
export async function followPayout(client: Client, screen: Screen, payout: Document): Promise<Document> {
  const isLive = process.stderr.isTTY === true && !screen.json;
  let now = payout;
  let told = '';
  for (;;) {
    const bar = barOf(now);
    if (isLive) process.stderr.write(`\r${bar}`);
    else if (!screen.json && bar !== told) screen.note(bar);
    told = bar;
    if (isOver(now)) break;
    await sleep(POLL_MS);
    now = await client.call('get_payout', { id: payout.id });
  }
  if (isLive) process.stderr.write('\n');
  return now;
}

/** Transactions too: the gas of the last one is known shortly after its payments have settled. */
const isOver = (payout: Document): boolean =>
  payout.state !== 'deciding' && payout.authorized === 0 && at(payout, 'transactions.open') === 0;

/** `[#####>>>....] 4200/10000 settled, 800 on their way, 5 denied`: `#` is finished, `>` is decided. */
export function barOf(payout: Document): string {
  const count = (name: string): number => Number(payout[name] ?? 0);
  const total = count('total');
  const over = count('settled') + count('denied') + count('failed') + count('in_review');
  const part = (lines: number): number => Math.floor((lines * WIDTH) / Math.max(1, total));
  const filled = '#'.repeat(part(over));
  const decided = '>'.repeat(part(over + count('authorized')) - filled.length);
  const others = [
    ['authorized', 'on their way'],
    ['in_review', 'in review'],
    ['denied', 'denied'],
    ['failed', 'failed'],
  ].flatMap(([name = '', words]) => (count(name) > 0 ? [`, ${count(name)} ${words}`] : []));
  return `[${(filled + decided).padEnd(WIDTH, '.')}] ${count('settled')}/${total} settled${others.join('')}`;
}
