import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { parseUsdc } from '../../core/money/microUsdc.ts';

export const BUNDLE_FORMAT = 'bursar-policy/1';
/** A starter bundle is 0.5 MB; a much larger file was not made by our compiler. */
const MAX_BUNDLE_CHARS = 8 * 1024 * 1024;

const Bundle = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  manifest: z.strictObject({ opa: z.string(), entrypoints: z.array(z.string()) }),
  /** Rego sources and data.yaml, by path. Only evidence: `wasm` runs on `data`. */
  files: z.record(z.string(), z.string()),
  data: z.record(z.string(), z.unknown()),
  wasm: z.base64(),
});
export type Bundle = z.infer<typeof Bundle>;

export const DATA_FILE = 'data.yaml';

/**
 * The text of a bundle: canonical JSON (keys sorted, no space) plus its digest, which is the sha-256 of that JSON without
 * the `digest` member. Anyone can recompute it: `jq -cjS 'del(.digest)' bundle.json | sha256sum`.
 */
export function writeBundle(bundle: Bundle): string {
  return `${canonicalJson({ ...bundle, digest: digestOf(bundle) })}\n`;
}

/** `sha256:<64 hex>` over the canonical JSON. */
export function digestOf(bundle: Bundle): string {
  return `sha256:${createHash('sha256').update(canonicalJson(bundle)).digest('hex')}`;
}

/** Reads a bundle and verifies its digest. Throws `policy_corrupt`. */
export function readBundle(text: string): { bundle: Bundle; digest: string } {
  if (text.length > MAX_BUNDLE_CHARS) throw corrupt(`The bundle is longer than ${MAX_BUNDLE_CHARS} characters.`);
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw corrupt('The bundle is not JSON.', cause);
  }
  const parsed = Bundle.extend({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) }).safeParse(raw);
  if (!parsed.success) throw corrupt(`The bundle is not in the format ${BUNDLE_FORMAT}.`, parsed.error);
  const { digest, ...bundle } = parsed.data;
  const actual = digestOf(bundle);
  if (actual !== digest) throw corrupt(`The bundle says it is ${digest} but is ${actual}.`);
  const data = parseData(bundle.files[DATA_FILE] ?? '');
  if (data === null || canonicalJson(withAmounts(data)) !== canonicalJson(bundle.data)) {
    throw corrupt(`The bundle's data is not what its ${DATA_FILE} says.`);
  }
  return { bundle, digest };
}

/** YAML 1.2 core schema, no duplicate keys, no aliases. Null if it is not a mapping. */
export function parseData(yaml: string): Record<string, unknown> | null {
  try {
    const data: unknown = parse(yaml, { maxAliasCount: 0, uniqueKeys: true });
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? { ...data } : null;
  } catch {
    return null;
  }
}

/**
 * Adds `amounts`: each decimal text of the data -> its micro-USDC, so that a decision need not compute them. Without it
 * `money.usdc` in the library gives the same result; a test compares the two.
 */
export function withAmounts(data: Record<string, unknown>): Record<string, unknown> {
  const amounts: Record<string, number> = {};
  const visit = (value: unknown): void => {
    if (typeof value === 'string' && /^[0-9]+(\.[0-9]+)?$/.test(value)) {
      try {
        amounts[value] = Number(parseUsdc(value));
      } catch {
        // Not an amount: a control that reads it as one gives no result, which is a deny.
      }
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
  };
  visit(data);
  return { ...data, amounts };
}

/** JSON with sorted keys and no white space. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function corrupt(message: string, cause?: unknown): BursarError {
  return new BursarError('policy_corrupt', { message, cause });
}
