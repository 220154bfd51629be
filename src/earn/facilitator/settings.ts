import { type Address, getAddress, isAddress } from 'viem';
import { z } from 'zod';

const AddressText = z
  .string()
  .refine((text) => isAddress(text))
  .transform((text): Address => getAddress(text));

/** `facilitator` in config.json. */
export const FacilitatorSettings = z.strictObject({
  enabled: z.boolean().default(true),
  /** The receivers that are served: this Bursar's wallets, a list in addition, or anyone (a public service at your gas cost). */
  pay_to: z.union([z.enum(['own', 'any']), z.array(AddressText).max(1_000)]).default('own'),
  /** The gas that one payer may cost in 24 hours. A settlement takes 85,000 to 105,000. */
  gas_per_payer_per_day: z.int().positive().max(1_000_000_000_000).default(50_000_000),
  /** Micro-USDC below which nothing is settled: outsiders can make payers for free, and you pay each payment's gas. */
  min_amount_micro: z.int().min(0).max(1_000_000_000).default(0),
  /** Per calling address; bursts up to three times that. */
  requests_per_second: z.int().positive().max(100_000).default(100),
  /** Another facilitator that is used first. */
  remote: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
});
export type FacilitatorSettings = z.infer<typeof FacilitatorSettings>;
