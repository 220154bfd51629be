import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseData, readBundle, withAmounts, writeBundle } from './bundle.ts';
import { compilePolicyDirectory } from './compile.ts';
import { loadPolicy } from './loadPolicy.ts';
import { resolveOpa } from './opa.ts';
import { probeInput } from './probeInput.ts';
import { readStarterBundle } from './starter.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);

const REGO = 'controls/mine/mine.rego';
const SCHEMA = 'controls/mine/schema.json';
const mine = `package bursar.controls.mine

import data.bursar.layers
import data.bursar.money

_settings := data.controls.mine

_limit := money.usdc(layers.pick(_settings, "limit"))

deny if input.payment.amount > _limit

outcome := {"effect": "deny", "code": "mine", "observed": input.payment.amount, "limit": _limit} if {
	deny
} else := {"effect": "pass"}
`;
const schema = {
  type: 'object',
  properties: {
    limit: { type: 'string', format: 'usdc' },
    overrides: { overrides_of: 'limit' },
    mode: { type: 'string', enum: ['soft', 'hard'] },
    days: { type: 'integer', minimum: 0 },
  },
  required: ['limit', 'overrides', 'mode', 'days'],
  additionalProperties: false,
};
const SETTINGS = '  mine:\n    limit: "0.50"\n    overrides: []\n    mode: soft\n    days: 3\n';
type Edit = { rego?: string; schema?: unknown; settings?: string };

/** The starter with one control of its own, required of payouts. */
async function directory({ rego = mine, schema: given = schema, settings = SETTINGS }: Edit = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bursar-settings-'));
  folders.push(folder);
  const { bundle } = readBundle(await readStarterBundle());
  const yaml = (bundle.files['data.yaml'] ?? '').replace('  payout:\n', '  payout:\n    - mine\n');
  const files: Record<string, string> = { 'data.yaml': yaml + settings, [REGO]: rego };
  if (given !== null) files[SCHEMA] = typeof given === 'string' ? given : JSON.stringify(given, null, 2);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}
const swapped = (from: string, to: string): string => {
  expect(mine).toContain(from);
  return mine.replace(from, to);
};
const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;

describe('a control with settings of its own', () => {
  it('compiles with its schema, decides by them, and is loaded', async () => {
    const policy = await loadPolicy(await compilePolicyDirectory(await directory()));
    const input = probeInput(policy.meters, 'UTC');
    const decide = (amount: number) =>
      policy.evaluate(JSON.stringify({ ...input, payment: { ...input.payment, amount } })).decision;
    expect(decide(500_000).effect).toBe('allow');
    expect(decide(500_001).reasons).toMatchObject([{ code: 'mine', limit: 500_000 }]);
  });

  it('may have the schema in its metadata comment', async () => {
    const inline = JSON.stringify({
      ...schema,
      properties: { ...schema.properties, overrides: undefined },
      required: ['limit', 'mode', 'days'],
    });
    const rego = `# METADATA
# title: Mine
# schemas:
#   - data.controls.mine: ${inline}
${swapped('layers.pick(_settings, "limit")', '_settings.limit').replace('import data.bursar.layers\n', '')}`;
    const settings = SETTINGS.replace('    overrides: []\n', '');
    await expect(compilePolicyDirectory(await directory({ rego, schema: null, settings }))).resolves.toContain('wasm');
    const misspelt = rego.replace('_settings.limit', '_settings.limt');
    await expect(
      compilePolicyDirectory(await directory({ rego: misspelt, schema: null, settings })),
    ).rejects.toMatchObject({ code: 'policy_compile_failed', message: expect.stringContaining('limt') });
  });

  const direct = 'data.controls.mine';
  it.each<[string, string, string]>([
    ['read in full', 'layers.pick(_settings, "limit")', `${direct}.limt`],
    ['read by a key in brackets', 'layers.pick(_settings, "limit")', `${direct}["limt"]`],
    ['read through a rule', 'layers.pick(_settings, "limit")', '_settings.limt'],
    ['picked', 'layers.pick(_settings, "limit")', 'layers.pick(_settings, "limt")'],
    ['picked in full', 'layers.pick(_settings, "limit")', `layers.pick(${direct}, "limt")`],
    ['picked by the full name', 'layers.pick(_settings, "limit")', `data.bursar.layers.pick(${direct}, "limt")`],
    ['read with a default', 'layers.pick(_settings, "limit")', 'object.get(_settings, "limt", "9.00")'],
    ['read by a path', 'layers.pick(_settings, "limit")', 'object.get(_settings, ["limt", "x"], "9.00")'],
    ["another control's", 'layers.pick(_settings, "limit")', 'data.controls.payment_cap.limt'],
    ["a control's that is not there", 'layers.pick(_settings, "limit")', 'data.controls.mien.limit'],
    ['of an area that is not there', 'layers.pick(_settings, "limit")', 'data.contols.mine.limit'],
    ['of the settings of all', 'layers.pick(_settings, "limit")', 'data.settings.x402.float_targt'],
    ['read by a variable', 'layers.pick(_settings, "limit")', '[v | some k; v := _settings[k]][0]'],
    ['passed on as a whole', 'layers.pick(_settings, "limit")', 'object.union(_settings, {}).limt'],
  ])('a misspelt setting %s is an error with file and line', async (_what, from, to) => {
    const rego = swapped(from, to).replace(to.startsWith('layers.pick') ? '\0' : 'import data.bursar.layers\n', '');
    const failed = compilePolicyDirectory(await directory({ rego }));
    await expect(failed).rejects.toMatchObject({
      code: 'policy_compile_failed',
      details: { errors: expect.arrayContaining([expect.objectContaining({ file: REGO, line: lineOf(rego, to) })]) },
    });
  });

  it('without a schema is an error', async () => {
    await expect(compilePolicyDirectory(await directory({ schema: null }))).rejects.toMatchObject({
      code: 'policy_compile_failed',
      details: { errors: [{ file: REGO, line: 6, message: expect.stringContaining('schema.json') }] },
    });
  });

  it.each<[string, string, RegExp]>([
    ['a misspelt one', SETTINGS.replace('days:', 'dais:'), /dais/],
    ['one too many', `${SETTINGS}    extra: 1\n`, /extra/],
    ['one too few', SETTINGS.replace('    days: 3\n', ''), /days/],
    ['a number for an amount', SETTINGS.replace('"0.50"', '0.50'), /limit/],
    ['an amount that is none', SETTINGS.replace('"0.50"', '"0.5000001"'), /limit/],
    ['a word that is not on the list', SETTINGS.replace('soft', 'sofd'), /soft, hard/],
    ['a fraction', SETTINGS.replace('days: 3', 'days: 3.5'), /days/],
    ['text for a number', SETTINGS.replace('days: 3', 'days: "3"'), /days/],
    ['an override with a misspelt selector', SETTINGS.replace('[]', '[{agnt: a, limit: "1.00"}]'), /overrides/],
    ['an override without its value', SETTINGS.replace('[]', '[{agent: a}]'), /overrides/],
    ['none', '', /no settings/],
    ['those of a control that is not there', `${SETTINGS}  mien:\n    limit: "1.00"\n`, /mien/],
  ])('is not compiled with %s in data.yaml', async (_what, settings, message) => {
    await expect(compilePolicyDirectory(await directory({ settings }))).rejects.toMatchObject({
      code: 'policy_compile_failed',
      message: expect.stringMatching(message),
      details: { errors: [expect.objectContaining({ file: 'data.yaml' })] },
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['is open', { ...schema, additionalProperties: true }, /additionalProperties/],
    ['says nothing of the rest', { ...schema, additionalProperties: undefined }, /additionalProperties/],
    ['lets a setting be left out', { ...schema, required: ['limit', 'overrides', 'mode'] }, /days/],
    ['takes fractions', { ...schema, properties: { ...schema.properties, days: { type: 'number' } } }, /whole/],
    ['says no type', { ...schema, properties: { ...schema.properties, days: {} } }, /type/],
    ['is a list', { type: 'array', items: { type: 'string' } }, /object/],
    [
      'is open further in',
      { ...schema, properties: { ...schema.properties, days: { type: 'object', properties: {} } } },
      /additionalProperties/,
    ],
    ['is no JSON', '{"type": ', /JSON/],
    ['has a key twice', '{"type":"object","type":"object"}', /twice/],
    ['refers elsewhere', { ...schema, properties: { ...schema.properties, days: { $ref: 'x.json' } } }, /\$ref/],
  ])('is not compiled with a schema that %s', async (_what, given, message) => {
    await expect(compilePolicyDirectory(await directory({ schema: given }))).rejects.toMatchObject({
      code: 'policy_compile_failed',
      message: expect.stringMatching(message),
      details: { errors: [expect.objectContaining({ file: SCHEMA })] },
    });
  });

  it.each<[string, string, string, RegExp]>([
    ['an effect that is none', '"effect": "pass"', '"effect": "allow"', /pass, review, deny/],
    ['a misspelt effect', '"effect": "deny"', '"effect": "dney"', /dney/],
    ['a figure that is not whole', '"limit": _limit', '"limit": 0.5', /whole/],
    ['a code in capitals', '"code": "mine"', '"code": "Mine"', /Mine/],
  ])('is not compiled with %s', async (_what, from, to, message) => {
    const rego = swapped(from, to);
    await expect(compilePolicyDirectory(await directory({ rego }))).rejects.toMatchObject({
      message: expect.stringMatching(message),
      details: { errors: [expect.objectContaining({ file: REGO, line: lineOf(rego, to) })] },
    });
  });

  it('is not loaded from a bundle whose data lost a setting, though its digest is right', async () => {
    const { bundle } = readBundle(await compilePolicyDirectory(await directory()));
    const rewritten = (yaml: string, files = bundle.files): string =>
      writeBundle({ ...bundle, files: { ...files, 'data.yaml': yaml }, data: withAmounts(parseData(yaml) ?? {}) });
    const yaml = bundle.files['data.yaml'] ?? '';
    await expect(loadPolicy(rewritten(yaml))).resolves.toBeDefined();
    for (const bad of [yaml.replace('limit: "0.50"', 'limt: "0.50"'), yaml.replace('days: 3', 'days: 3.5')]) {
      await expect(loadPolicy(rewritten(bad))).rejects.toMatchObject({ code: 'policy_invalid' });
    }
    await expect(loadPolicy(rewritten(yaml.replace('limit: "50.00"', 'limt: "50.00"')))).rejects.toMatchObject({
      code: 'policy_invalid',
    });
    const { [SCHEMA]: _, ...without } = bundle.files;
    await expect(loadPolicy(rewritten(yaml, without))).rejects.toMatchObject({ code: 'policy_invalid' });
  });
});
