import { z } from 'zod';
import { BursarError } from '../errors/base.ts';
import { microUsdc, parseUsdc } from '../money/microUsdc.ts';
import { calendarStart } from './calendar.ts';
import type { PolicySettings } from './policy.ts';

/** `settings` of data.yaml: what the server itself, not the Rego, takes from a policy. */
const Settings = z.strictObject({
  timezone: z.string().default('UTC'),
  x402: z
    .strictObject({
      /** The bound in X402Purse is 3600. */
      max_validity_seconds: z.int().min(1).max(3600).default(120),
      float_target: z.string().default('1.00'),
    })
    .default({ max_validity_seconds: 120, float_target: '1.00' }),
});

/** Throws `policy_invalid`. Defaults: UTC, 120 s, 1 USDC. */
export function readSettings(data: Record<string, unknown>): PolicySettings {
  const parsed = Settings.safeParse(data.settings ?? {});
  if (!parsed.success) throw invalid('`settings` of the policy data is not valid.', parsed.error);
  const { timezone, x402 } = parsed.data;
  try {
    calendarStart('day', timezone, 0);
    const floatTarget = microUsdc(parseUsdc(x402.float_target));
    return { timezone, x402: { maxValiditySeconds: x402.max_validity_seconds, floatTarget } };
  } catch (cause) {
    throw invalid('`settings` of the policy data names no such time zone, or no amount.', cause);
  }
}

function invalid(message: string, cause: unknown): BursarError {
  return new BursarError('policy_invalid', { message, cause });
}
