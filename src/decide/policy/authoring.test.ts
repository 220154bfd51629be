import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatPolicyDirectory, testPolicyDirectory } from './authoring.ts';
import { compilePolicyDirectory } from './compile.ts';
import { loadPolicy } from './loadPolicy.ts';
import { resolveOpa } from './opa.ts';
import { reasonCatalogue } from './reasons.ts';
import { POLICIES } from './sources.ts';

const page = (name: string): Promise<string> => readFile(new URL(`../../../${name}`, import.meta.url), 'utf8');
const examplesIn = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/<!-- example: (\S+) -->\n```\w+\n([\s\S]*?)```/g)].map(([, path = '', code = '']) => [
      path,
      code,
    ]),
  );
const guide = await page('docs/policy-authoring.md');
const examples = examplesIn(guide);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bursar-guide-'));
  const starter = await readFile(join(POLICIES, 'starter', 'data.yaml'), 'utf8');
  const required = starter.replace('  payout:\n', '  payout:\n    - sponsor_monthly\n');
  await write('data.yaml', `${required}\n${examples['data.yaml']}`);
  for (const [path, text] of Object.entries(examples)) if (path !== 'data.yaml') await write(path, text);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

/** A first run may have to build opa. */
beforeAll(async () => {
  await resolveOpa();
}, 900_000);

describe('the authoring guide', () => {
  it('shows a control that compiles, with its meter', async () => {
    const policy = await loadPolicy(await compilePolicyDirectory(folder));
    expect(policy.meters.sponsor_month).toEqual({
      by: ['sponsor'],
      window: { calendar: 'month', tz: 'UTC' },
      refunds: 'restore',
    });
  });

  it('shows tests that pass', async () => {
    expect(await testPolicyDirectory(folder)).toEqual({ passed: 3, failed: [] });
  });

  it('names every code of a control', () => {
    const host = ['all_passed', 'approved', 'mandated', 'input_incomplete'];
    const missing = Object.keys(reasonCatalogue).filter(
      (code) => !host.includes(code) && !guide.includes(`\`${code}\``),
    );
    expect(missing).toEqual([]);
  });
});

describe('the README', () => {
  it('shows a control that compiles, and tests that pass', async () => {
    await rm(join(folder, 'controls'), { recursive: true });
    const starter = await readFile(join(POLICIES, 'starter', 'data.yaml'), 'utf8');
    await write('data.yaml', starter.replace('  payout:\n', '  payout:\n    - night_cap\n'));
    for (const [path, text] of Object.entries(examplesIn(await page('README.md')))) await write(path, text);
    await loadPolicy(await compilePolicyDirectory(folder));
    expect(await testPolicyDirectory(folder)).toEqual({ passed: 3, failed: [] });
  });
});

describe('testPolicyDirectory', () => {
  it('names the test that fails, and where it stands', async () => {
    const path = 'controls/sponsor_monthly/sponsor_monthly_test.rego';
    await write(path, `${examples[path]}\ntest_wrong if 1 == 2\n`);
    const { passed, failed } = await testPolicyDirectory(folder);
    expect(passed).toBe(3);
    expect(failed).toEqual([{ name: 'test_wrong', file: path, line: expect.any(Number) }]);
  });

  it('refuses tests that do not compile', async () => {
    await write(
      'controls/sponsor_monthly/sponsor_monthly_test.rego',
      'package bursar.controls.sponsor_monthly_test\n\nnonsense(',
    );
    await expect(testPolicyDirectory(folder)).rejects.toMatchObject({ code: 'policy_compile_failed' });
  });
});

describe('formatPolicyDirectory', () => {
  it('formats what is not, and says which', async () => {
    const path = 'controls/sponsor_monthly/sponsor_monthly.rego';
    await write(path, (examples[path] ?? '').replaceAll('\t', '  '));
    expect(await formatPolicyDirectory(folder)).toEqual([path]);
    expect(await readFile(join(folder, path), 'utf8')).toBe(examples[path]);
    expect(await formatPolicyDirectory(folder)).toEqual([]);
  });
});
