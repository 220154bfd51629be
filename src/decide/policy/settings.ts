import { BursarError } from '../../core/errors/base.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { SettingsData } from './data.ts';
import type { PolicySettings } from './policy.ts';

const DEFAULTS = { timezone: 'UTC', x402: { max_validity_seconds: 120, float_target: '1.00' } };

/** `settings` of data.yaml: the part of a policy that the server uses, not the Rego. Throws `policy_invalid`. */
export function readSettings(data: Record<string, unknown>): PolicySettings {
  const parsed = SettingsData.safeParse(data.settings ?? DEFAULTS);
  if (!parsed.success) {
    throw new BursarError('policy_invalid', {
      message: '`settings` of the policy data is not valid.',
      cause: parsed.error,
    });
  }
  const { timezone, x402 } = parsed.data;
  return {
    timezone,
    x402: { maxValiditySeconds: x402.max_validity_seconds, floatTarget: parseUsdc(x402.float_target) },
  };
}
