import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const bundle = join(fileURLToPath(import.meta.url), '..', 'bundle.mjs');
/** As `npm run simulate -- …`. Rejects with what it printed where a seed fails. */
const simulate = async (...flags: string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [bundle, ...flags])).stdout;

describe('the simulation', () => {
  it('keeps every rule in the runs of these seeds', async () => {
    const told = await simulate('--seeds', '20', '--steps', '250');
    expect(told).toContain('20 seeds from 1:');
    expect(told).toMatch(/"final":\d{2,}/);
  });

  it('gives the same events again for the same seed, to the last byte', async () => {
    const flags = ['--seeds', '1', '--from', '5', '--steps', '150', '--heads'];
    expect(await simulate(...flags)).toBe(await simulate(...flags));
  });
});
