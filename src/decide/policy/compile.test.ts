import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readBundle } from './bundle.ts';
import { compilePolicyDirectory } from './compile.ts';
import { loadPolicy } from './loadPolicy.ts';
import { resolveOpa } from './opa.ts';
import { probeInput } from './probeInput.ts';
import { POLICIES } from './sources.ts';
import { checkStarterDrift, compileStarter, readStarterBundle } from './starter.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** An operator's directory: the starter's data.yaml, edited, and files of their own. */
async function directory(edit: (yaml: string) => string, files: Record<string, string> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bursar-own-'));
  folders.push(folder);
  const { bundle } = readBundle(await readStarterBundle());
  await writeFile(join(folder, 'data.yaml'), edit(bundle.files['data.yaml'] ?? ''));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}
const same = (yaml: string): string => yaml;
const withControl = (yaml: string): string => yaml.replace('  payout:\n', '  payout:\n    - even\n');
const even = `package bursar.controls.even

outcome := {"effect": "pass"} if {
	input.payment.amount % 2 == 0
} else := {"effect": "deny", "code": "odd_amount", "observed": input.payment.amount, "limit": null}
`;

/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);

describe('the generated files of policies/', () => {
  it('are what their sources make', async () => {
    expect(await checkStarterDrift()).toEqual([]);
  });

  it('compile to the same text twice', async () => {
    expect(await compileStarter()).toBe(await compileStarter());
  });
});

describe('compilePolicyDirectory', () => {
  it('takes a data.yaml alone; an edited figure is another policy', async () => {
    const text = await compilePolicyDirectory(await directory((yaml) => yaml.replace('"50.00"', '"0.000001"')));
    const policy = await loadPolicy(text);
    expect(policy.digest).not.toBe(readBundle(await readStarterBundle()).digest);
    const input = probeInput(policy.meters, 'UTC');
    const decide = (amount: number) =>
      policy.evaluate(JSON.stringify({ ...input, payment: { ...input.payment, amount } }));
    expect(decide(1).decision.effect).toBe('allow');
    expect(decide(2).decision.reasons).toMatchObject([{ code: 'payment_cap', observed: 2, limit: 1 }]);
  });

  it('makes the starter bundle from the starter directory, with Windows line ends too', async () => {
    const starter = await directory((yaml) => yaml.replaceAll('\n', '\r\n'));
    expect(await compilePolicyDirectory(starter)).toBe(await readStarterBundle());
  });

  it('takes a control of the operator, with its meters', async () => {
    const files = {
      'controls/even/even.rego': even,
      'controls/even/even_test.rego': 'package bursar.controls.even_test\n',
    };
    const policy = await loadPolicy(await compilePolicyDirectory(await directory(withControl, files)));
    const input = JSON.stringify(probeInput(policy.meters, 'UTC'));
    expect(policy.evaluate(input).decision.reasons).toEqual([
      { code: 'odd_amount', rule: 'even', observed: 1, limit: null, message: expect.stringContaining('odd_amount') },
    ]);
  });

  it('declares no meters for controls that nothing requires', async () => {
    const lean = await directory((yaml) => yaml.replaceAll('    - velocity\n', ''));
    expect(Object.keys((await loadPolicy(await compilePolicyDirectory(lean))).meters)).not.toContain('agent_hour');
  });

  const refusals: [
    string,
    (yaml: string) => string,
    Record<string, string>,
    { file: string; line?: number; message: RegExp },
  ][] = [
    [
      'Rego that does not parse',
      withControl,
      { 'controls/even/even.rego': even.replace('{\n', '{{\n') },
      { file: 'controls/even/even.rego', line: 5, message: /./ },
    ],
    [
      'a misspelt field of the input',
      withControl,
      { 'controls/even/even.rego': even.replace('payment.amount %', 'payment.amout %') },
      { file: 'controls/even/even.rego', line: 4, message: /amout/ },
    ],
    [
      'the clock',
      withControl,
      { 'controls/even/even.rego': even.replace('input.payment.amount %', 'time.now_ns() %') },
      { file: 'controls/even/even.rego', line: 4, message: /time\.now_ns/ },
    ],
    [
      'randomness',
      withControl,
      { 'controls/even/even.rego': even.replace('input.payment.amount %', 'rand.intn("x", 9) %') },
      { file: 'controls/even/even.rego', line: 4, message: /rand\.intn/ },
    ],
    [
      'the network',
      withControl,
      { 'controls/even/even.rego': even.replace('input.payment.amount % 2 == 0', 'http.send({}).ok') },
      { file: 'controls/even/even.rego', line: 4, message: /http\.send/ },
    ],
    [
      'an unused variable',
      withControl,
      { 'controls/even/even.rego': even.replace('== 0', '== 0\n\tx := 1') },
      { file: 'controls/even/even.rego', line: 5, message: /x/ },
    ],
    [
      'a file that is not formatted',
      withControl,
      { 'controls/even/even.rego': even.replace('\tinput', '    input') },
      { file: 'controls/even/even.rego', message: /opa fmt/ },
    ],
    [
      'a control in the package of the decision',
      withControl,
      { 'controls/even/even.rego': 'package bursar\n\ndecision := true\n' },
      { file: 'controls/even/even.rego', message: /bursar\.controls\.even/ },
    ],
    [
      'a second file of a control',
      same,
      { 'controls/payment_cap/more.rego': even },
      { file: 'controls/payment_cap/more.rego', message: /one file/ },
    ],
    [
      "a control of the name of one of Bursar's",
      same,
      { 'controls/payment_cap/payment_cap.rego': even.replace('even', 'payment_cap') },
      { file: 'controls/payment_cap/payment_cap.rego', message: /another/ },
    ],
    ['a required control that is not there', withControl, {}, { file: 'data.yaml', message: /even/ }],
    [
      'settings that are missing',
      (yaml) => yaml.replace('  top_up_terms:\n    limit: "10.00"\n', ''),
      {},
      { file: 'data.yaml', message: /top_up_terms/ },
    ],
    [
      'an amount that is not quoted',
      (yaml) => yaml.replace('limit: "50.00"', 'limit: 50.00'),
      {},
      { file: 'data.yaml', message: /payment_cap\.limit/ },
    ],
    [
      'an amount with seven decimals',
      (yaml) => yaml.replace('"50.00"', '"50.0000001"'),
      {},
      { file: 'data.yaml', message: /payment_cap\.limit/ },
    ],
    [
      'a misspelt setting',
      (yaml) => yaml.replace('cooling_hours', 'coling_hours'),
      {},
      { file: 'data.yaml', message: /changed_address/ },
    ],
    [
      'a kind that does not exist',
      (yaml) => yaml.replace('  payout:', '  payot:'),
      {},
      { file: 'data.yaml', message: /required/ },
    ],
    [
      'a setting that is given twice',
      (yaml) => yaml.replace('layers: []', 'layers: []\nlayers: []'),
      {},
      { file: 'data.yaml', message: /./ },
    ],
    ['YAML that does not parse', (yaml) => `${yaml}\n  - : [`, {}, { file: 'data.yaml', message: /./ }],
    [
      'a zone that does not exist',
      (yaml) => yaml.replace('timezone: UTC', 'timezone: Mars/Olympus'),
      {},
      { file: 'data.yaml', message: /timezone/ },
    ],
    [
      'an override with two selectors',
      (yaml) => yaml.replace('overrides: []', 'overrides: [{agent: a, sponsor: b, limit: "1.00"}]'),
      {},
      { file: 'data.yaml', message: /overrides/ },
    ],
  ];
  it.each(refusals)('refuses %s and names the place', async (_, edit, files, { message, ...place }) => {
    await expect(compilePolicyDirectory(await directory(edit, files))).rejects.toMatchObject({
      code: 'policy_compile_failed',
      message: expect.stringMatching(message),
      details: { errors: expect.arrayContaining([expect.objectContaining(place)]) },
    });
  });

  it('refuses a directory without data.yaml, and one that is not there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bursar-own-'));
    folders.push(folder);
    await expect(compilePolicyDirectory(folder)).rejects.toMatchObject({ code: 'policy_compile_failed' });
    await expect(compilePolicyDirectory(join(folder, 'none'))).rejects.toMatchObject({ code: 'policy_compile_failed' });
  });

  it("takes a copy of one of Bursar's controls as what it is", async () => {
    const folder = await directory(same);
    const path = 'controls/payment_cap/payment_cap.rego';
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await cp(join(POLICIES, path), join(folder, path));
    expect(await compilePolicyDirectory(folder)).toBe(await readStarterBundle());
  });
});
