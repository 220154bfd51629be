import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../src/chain/receipt/receipt.ts';
import { verifyReceipt } from '../src/chain/receipt/verify.ts';
import { type Alteration, alterationsOf } from './support/alterations.ts';
import { type ReceiptWorld, receiptWorld } from './support/receiptKinds.ts';

/** A genuine receipt of each kind, and every field of each altered: a refusal must name the field. */
const kinds = [
  'pay',
  'batch',
  'approved',
  'anchored',
  'mandate',
  'purchase',
  'top_up',
  'refund',
  'split',
  'recurring',
] as const;
let world: ReceiptWorld;
beforeAll(async () => {
  world = await receiptWorld();
}, 300_000);
afterAll(() => world.end());

const receiptOf = (kind: string): Receipt => {
  const receipt = world.receipts[kind];
  if (!receipt) throw new Error(`There is no receipt of a ${kind}.`);
  return receipt;
};
const verify = (changed: unknown) => verifyReceipt(changed, world.server.rpcUrl);

/** What was altered and is not refused by its name. */
async function unnamed(alterations: readonly Alteration[]): Promise<string[]> {
  const missed: string[] = [];
  for (const { what, names, receipt } of alterations) {
    const { ok, findings } = await verify(receipt);
    const said = findings.filter((each) => !each.ok).map(({ check, detail }) => `${check}: ${detail}`);
    const named = said.some((line) => names.some((name) => line.includes(name)));
    if (ok || !named) missed.push(`${what} -> ${ok ? 'accepted' : said.join(' | ').slice(0, 400)}`);
  }
  return missed;
}

describe.each(kinds)('the receipt of a %s payment', (kind) => {
  it('is verified as it is', async () => {
    const { ok, findings } = await verify(receiptOf(kind));
    expect(findings.filter((each) => !each.ok)).toEqual([]);
    expect(ok).toBe(true);
  });

  it('is refused by the name of the field, whichever one is altered', async () => {
    const receipt = receiptOf(kind);
    const other = receiptOf(kind === 'pay' ? 'batch' : 'pay');
    const alterations = alterationsOf(receipt, other);
    expect(alterations.length).toBeGreaterThan(100);
    expect(await unnamed(alterations)).toEqual([]);
  }, 600_000);
});
