import { z } from 'zod';
import { isRolling, isZone } from '../../books/meters/declarations.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { paymentKinds } from '../../core/payment/kinds.ts';

/**
 * The form of data.yaml. The Rego is safe without this check (unreadable data is a deny); the check reports misspelt names at once.
 * `policies/schemas/data.json` is generated from it, for editors.
 */
const usdc = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$/)
  .refine(isUsdc, 'is not an amount of USDC in quotes, as "25.00"')
  .describe('An amount of USDC in quotes, as "25.00"');
const count = z.int().min(0);
const name = z.string().min(1).max(200);
const names = z.array(name).max(1000);
const controlName = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/);
const controlNames = z.array(controlName).max(64);
const quorum = z.int().min(1).max(20);
const roles = z.array(name).min(1).max(20);
const people = { quorum, roles };

function isUsdc(text: string): boolean {
  try {
    return parseUsdc(text) >= 0n;
  } catch {
    return false;
  }
}

/** One selector and one value: see policies/lib/layers.rego. */
function layered<K extends string, T extends z.ZodType>(key: K, value: T) {
  const label = z.record(name, name).refine((labels) => Object.keys(labels).length === 1, 'takes one label');
  return z
    .array(
      z.union([
        z.strictObject({ agent: name, [key]: value }),
        z.strictObject({ sponsor: name, [key]: value }),
        z.strictObject({ workflow: name, [key]: value }),
        z.strictObject({ label, [key]: value }),
      ]),
    )
    .max(1000);
}
const limited = z.strictObject({ limit: usdc, overrides: layered('limit', usdc) });

const percent = z.int().min(0).max(100);

const share = z.strictObject({
  payee: name,
  percent: z
    .string()
    .regex(/^(0|[1-9][0-9]?|100)(\.[0-9]{1,2})?$/)
    .refine((text) => Number(text) > 0 && Number(text) <= 100, 'is not a percentage in quotes, as "70" or "12.5"')
    .describe('A percentage in quotes, with two decimals at most'),
});
type Share = z.infer<typeof share>;
const different = (items: readonly { payee: string }[]): boolean =>
  new Set(items.map((item) => item.payee)).size === items.length;
/** Percentages have two decimals: whole hundredths add up exactly. */
const total = (shares: readonly Share[]): number =>
  shares.reduce((sum, each) => sum + Math.round(Number(each.percent) * 100), 0);
/** How an agent's earned money is split: see policies/lib/route.rego. */
const route = z
  .strictObject({
    fixed: z
      .array(z.strictObject({ payee: name, amount: usdc.refine((text) => Number(text) > 0, 'is nothing') }))
      .max(20)
      .refine(different, 'names a payee twice')
      .optional(),
    shares: z
      .array(share)
      .min(1)
      .max(20)
      .refine(different, 'names a payee twice')
      .refine((shares) => total(shares) <= 10_000, 'is more than 100 % in sum')
      .optional(),
    remainder: name.optional().describe('The payee of a share that gets what rounding leaves'),
    sweep: z.strictObject({ to: name, float: usdc }).optional(),
  })
  .refine(({ shares, remainder }) => !shares || shares.some((each) => each.payee === remainder), {
    path: ['remainder'],
    error: 'must name the payee of one of the shares',
  });

const ControlData = z
  .object({
    payee_allowed: z.strictObject({
      mode: z.enum(['registered', 'listed']),
      payees: names,
      blocked: names,
      overrides: layered('payees', names),
    }),
    new_payee: z.strictObject(people),
    changed_address: z.strictObject({ cooling_hours: count, ...people }),
    payment_cap: limited,
    category_limit: z.strictObject({ categories: z.record(name, usdc), uncategorised: usdc }),
    agent_daily: limited,
    agent_monthly: limited,
    payee_limit: limited,
    velocity: z.strictObject({ limit: count, overrides: layered('limit', count) }),
    working_hours: z.strictObject({
      weekdays: z.array(z.int().min(1).max(7)).max(7),
      from_hour: z.int().min(0).max(23),
      to_hour: z.int().min(1).max(24),
      effect: z.enum(['review', 'deny']),
      ...people,
    }),
    large_amount: z.strictObject({ thresholds: z.array(z.strictObject({ from: usdc, ...people })).max(20) }),
    recurring_change: z.strictObject({
      max_rise_percent: z.int().min(0).max(1_000),
      idle_days: count,
      ...people,
    }),
    one_time_recurring: z.strictObject({ payees: z.union([z.literal('any'), names]), limit: usdc, monthly: usdc }),
    x402_terms: z.strictObject({
      assets: names,
      schemes: names,
      networks: names,
      payment_flows: names,
      max_timeout_seconds: count,
    }),
    earned_money: z.strictObject({ spendable_percent: percent, overrides: layered('spendable_percent', percent) }),
    refund_terms: z.strictObject({ review_from: usdc, ...people }),
    top_up_terms: z.strictObject({ limit: usdc }),
  })
  .partial()
  // The settings of an operator's own controls have their own schemas: see controlSettings.ts.
  .catchall(z.unknown());

export const SettingsData = z.strictObject({
  timezone: z.string().refine(isZone, 'is not an IANA time zone'),
  x402: z.strictObject({
    // X402Purse refuses more than an hour.
    max_validity_seconds: z.int().min(1).max(3600),
    float_target: usdc,
  }),
});

export const PolicyData = z.strictObject({
  settings: SettingsData,
  required: z.partialRecord(z.enum(paymentKinds), controlNames),
  layers: layered('controls', controlNames),
  review: z.strictObject({
    expires_in: z.string().refine(isRolling, 'is not an ISO 8601 duration of weeks, days, hours, minutes or seconds'),
    sponsor_may_approve: z.boolean(),
    mandate_covers: controlNames,
  }),
  revenue: z
    .strictObject({
      rules: layered('route', route).refine(
        (rules) => !rules.some((rule) => 'workflow' in rule),
        'cannot select by workflow: money that comes in has none',
      ),
    })
    .optional(),
  controls: ControlData,
});
export type PolicyData = z.infer<typeof PolicyData>;

/** The controls that a payment of some kind, or of some layer, must pass. */
export function controlsInUse(data: PolicyData): Set<string> {
  const layers = data.layers.flatMap((layer) => ('controls' in layer ? (layer.controls as string[]) : []));
  return new Set([...Object.values(data.required).flat(), ...layers]);
}

/** The schemas of the settings of Bursar's controls, by name. */
export function controlSettings(): [string, z.ZodType][] {
  return Object.entries(ControlData.shape)
    .map(([name, schema]): [string, z.ZodType] => [name, schema.unwrap()])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
