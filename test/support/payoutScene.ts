import { type Address, getAddress, keccak256, toHex } from 'viem';
import type { Client } from '../../src/api/client/client.ts';
import { createPayee } from '../../src/decide/identity/payees.ts';
import { compilePolicyDirectory } from '../../src/decide/policy/compile.ts';
import type { Store } from '../../src/store/store.ts';

export const addressOf = (name: string): Address => getAddress(`0x${keccak256(toHex(name)).slice(26)}`);

/** The policy that the docs give to finance people, with other figures where a test wants them. */
export async function usePayoutPolicy(operator: Client, change: (bundle: string) => string = (text) => text) {
  const bundle = change(await compilePolicyDirectory('docs/examples/payouts'));
  const { digest } = await operator.call('load_policy', { bundle, note: 'payouts' });
  await operator.call('activate_policy', { digest });
}

/** Verified contractors `c0`, `c1`, …, straight into the store: thousands in a moment. */
export async function addContractors(store: Store, from: number, count: number): Promise<void> {
  const act = { actor: 'test', atMs: Date.now() };
  for (let at = from; at < from + count; at += 500) {
    await store.write(async (tx) => {
      for (let n = at; n < Math.min(at + 500, from + count); n += 1) {
        await createPayee(tx, act, {
          name: `c${n}`,
          kind: 'contractor',
          agentId: null,
          categories: ['contractor'],
          hosts: [],
          addresses: [{ address: addressOf(`c${n}`), verified: true }],
        });
      }
    });
  }
}

/** Lines for contractors `from` to `from + count`, each 0.01 and some micro-USDC. */
export function csvOf(
  from: number,
  count: number,
  amount = (n: number): string => `0.01${String(n % 100).padStart(2, '0')}`,
) {
  const lines = Array.from({ length: count }, (_, index) => {
    const n = from + index;
    return `job-${n},c${n},${amount(n)},contractor,"pages, batch ${n}"`;
  });
  return ['id,payee,amount,category,memo', ...lines, ''].join('\r\n');
}

export type PayoutDocument = Record<string, unknown> & {
  id: string;
  state: string;
  total: number;
  waiting: number;
  authorized: number;
  in_review: number;
  denied: number;
  settled: number;
  failed: number;
  settled_amount: { value: string };
  transactions: { mined: number; open: number; gas_used: string };
};

/** Until nothing of it is on its way. */
export async function untilOver(client: Client, id: string): Promise<PayoutDocument> {
  for (;;) {
    const now = (await client.call('get_payout', { id })) as PayoutDocument;
    if (now.state !== 'deciding' && now.authorized === 0 && now.transactions.open === 0) return now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
