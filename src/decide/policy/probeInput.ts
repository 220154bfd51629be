import { zonedTime } from '../../books/meters/calendar.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import type { PolicyInput } from './input.ts';

const NOON_MS = Date.UTC(2026, 0, 7, 12);
const ADDRESS = '0x1111111111111111111111111111111111111111';
const NEVER = { settled_count: 0, last_amount: null, max_amount: null, last_at: null };

/** A complete, ordinary input: a small payout to a verified payee on a Wednesday at noon UTC, with meters at zero. */
export function probeInput(meters: MeterDeclarations, timezone: string): PolicyInput {
  const zero = { total: 0, count: 0, last_at: null };
  return {
    time: zonedTime(NOON_MS, timezone),
    agent: { id: 'agt_probe', name: 'probe', status: 'active', labels: {}, wallet: ADDRESS },
    sponsor: { id: 'spn_probe', name: 'probe', status: 'active' },
    workflow: null,
    payee: {
      id: 'pye_probe',
      name: 'probe',
      kind: 'merchant',
      status: 'active',
      categories: [],
      hosts: [],
      first_seen_at: 0,
    },
    destination: {
      address: ADDRESS,
      known: true,
      first_seen_at: 0,
      verified_at: 0,
      changed_at: null,
      retired: false,
      payee_count: 1,
    },
    payment: {
      kind: 'payout',
      amount: 1,
      asset: 'USDC',
      network: 'eip155:31337',
      rail: 'wallet',
      category: null,
      host: null,
      recurring: false,
      refund_of: null,
      x402: null,
    },
    history: { payee: NEVER, address: NEVER, host_last_address: null },
    funds: { available: 1_000_000, earned: 0, passed_on: 0 },
    previous: null,
    approvals: [],
    mandate: null,
    meters: Object.fromEntries(Object.keys(meters).map((name) => [name, zero])),
  };
}
