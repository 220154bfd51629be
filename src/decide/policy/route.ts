import { microUsdc } from '../../core/money/microUsdc.ts';
import type { RouteInput } from './input.ts';
import type { Leg, Route } from './policy.ts';

const MAX_LEGS = 41;
const MAX_TEXT = 220;

/**
 * Reads the result of `data.bursar.route`. Null if it is not a route, or does not add up: the legs and the kept part must equal the
 * received amount less refunds, to the last micro-USDC, and a sweep must not exceed the agent's balance.
 */
export function readRoute(raw: unknown, input: RouteInput): Route | null {
  if (!isRecord(raw) || !Array.isArray(raw.legs) || raw.legs.length > MAX_LEGS || !isMicro(raw.kept)) return null;
  const legs: Leg[] = [];
  for (const item of raw.legs) {
    if (!isRecord(item) || !isText(item.name) || !isText(item.payee) || !isMicro(item.amount) || item.amount === 0) {
      return null;
    }
    legs.push({ name: item.name, payee: item.payee, amount: microUsdc(BigInt(item.amount)) });
  }
  if (new Set(legs.map((leg) => leg.name)).size !== legs.length) return null;
  const keptMicro = BigInt(raw.kept);
  const sum = (some: readonly Leg[]): bigint => some.reduce((total, leg) => total + leg.amount, 0n);
  const net = BigInt(input.receivable.amount - input.receivable.refunded);
  if (sum(legs.filter((leg) => leg.name !== SWEEP)) + keptMicro !== net) return null;
  const sweeps = legs.some((leg) => leg.name === SWEEP);
  if (sweeps && sum(legs) > BigInt(input.funds.available)) return null;
  return { legs, keptMicro };
}

const SWEEP = 'sweep';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT;
}
function isMicro(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
