import { z } from 'zod';

/** The facts in a policy's input that a receipt shows or that signatures must confirm; loose, so that inputs may grow. */
const Told = z.looseObject({
  time: z.looseObject({ ms: z.int() }),
  agent: z.looseObject({ id: z.string(), wallet: z.string() }),
  sponsor: z.looseObject({ id: z.string() }),
  workflow: z.looseObject({ id: z.string(), run: z.string().nullable() }).nullable(),
  payee: z.looseObject({ id: z.string() }).nullable(),
  destination: z.looseObject({ address: z.string() }),
  payment: z.looseObject({
    kind: z.string(),
    amount: z.int(),
    network: z.string(),
    rail: z.string(),
    category: z.string().nullable(),
    host: z.string().nullable(),
    refund_of: z.string().nullable(),
  }),
  previous: z.string().nullable(),
  approvals: z.array(z.looseObject({ address: z.string() })),
  mandate: z.looseObject({ id: z.string(), signers: z.array(z.string()) }).nullable(),
});
export type Told = z.infer<typeof Told>;

/** Undefined if the input cannot be read, or names a field twice: another reader might take the other value. */
export function toldOf(text: string | undefined): Told | undefined {
  try {
    const document: unknown = JSON.parse(text ?? '');
    return JSON.stringify(document) === text ? Told.safeParse(document).data : undefined;
  } catch {
    return undefined;
  }
}
