import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { openapi } from '../src/api/http/openapi.ts';
import { registry } from '../src/api/operations/registry.ts';
import { pythonWith, runPython } from './support/python.ts';

/** Generators that others wrote make clients of the OpenAPI document: all of it is read, and its names are types. */
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'bursar-clients-'));
const document = join(folder, 'openapi.json');
writeFileSync(document, JSON.stringify(openapi(registry, 'test')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shared = [
  'Agent',
  'Amount',
  'Invoice',
  'Mandate',
  'Payee',
  'Payment',
  'Payout',
  'Problem',
  'Reason',
  'Receivable',
];

describe('a client generated from the OpenAPI document', () => {
  it('in Python is whole, imports, and has the named types', async () => {
    const python = await pythonWith('openapi-python-client==0.29.1', 'ruff==0.17.6');
    const client = join(folder, 'bursar_client');
    const env = { ...process.env, PATH: `${dirname(python)}${delimiter}${process.env.PATH}` };
    const options = ['--meta', 'none', '--fail-on-warning', '--output-path', client];
    await run(python, ['-m', 'openapi_python_client', 'generate', '--path', document, ...options], { env });
    const amount = { value: '1.25', currency: 'USDC' };
    const found = await runPython(python, 'openapi_client.py', { folder: client, amount, models: shared });
    expect(found).toMatchObject({ amount, models: shared, types: { amount: 'Amount', reasons: 'list[Reason]' } });
    expect((found as { modules: number }).modules).toBeGreaterThan(registry.length);
  });

  it('in Go compiles against code that uses the named types', async () => {
    const module = join(folder, 'go');
    cpSync(fileURLToPath(new URL('./support/openapi_go', import.meta.url)), module, { recursive: true });
    mkdirSync(join(module, 'bursar'));
    const options = ['-generate', 'types,client', '-package', 'bursar', '-o', 'bursar/client.go'];
    await run('go', ['tool', 'oapi-codegen', ...options, document], { cwd: module });
    await run('go', ['vet', './...'], { cwd: module });
  });
});
