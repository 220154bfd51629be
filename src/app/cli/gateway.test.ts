import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from './program.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'bursar-gateway-'));
const address = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const run = (...args: string[]) =>
  createProgram().parseAsync(['--data-dir', dataDir, '--url', 'http://127.0.0.1:9', '--json', 'gateway', ...args], {
    from: 'user',
  });
const upstream = ['--upstream', 'http://127.0.0.1:3000'];
const table = (yaml: string): string[] => {
  const path = join(dataDir, 'gateway.yaml');
  writeFileSync(path, yaml);
  return ['--config', path];
};

describe('bursar gateway', () => {
  it('does not start where it would sell nothing, to nobody, or for no one knows what', async () => {
    await expect(run('--price', '0.01', '--pay-to', address)).rejects.toThrow(/--upstream/);
    await expect(run(...upstream, '--price', '0.01')).rejects.toThrow(/--pay-to/);
    await expect(run(...upstream, '--pay-to', address)).rejects.toThrow(/Nothing has a price/);
    const free = table('routes: [{ match: "/a", free: true }]');
    await expect(run(...upstream, ...free, '--pay-to', address)).rejects.toThrow(/Nothing has a price/);
    await expect(run(...upstream, '--price', 'free', '--pay-to', address)).rejects.toThrow(/not valid/);
    await expect(run(...upstream, ...table('price: 0.01'), '--pay-to', address)).rejects.toThrow(/not valid/);
    await expect(run(...upstream, '--config', join(dataDir, 'no.yaml'), '--pay-to', address)).rejects.toThrow(
      /cannot be read/,
    );
    await expect(run(...upstream, '--price', '1', '--pay-to', '0x12')).rejects.toThrow(/no address/);
    await expect(run(...upstream, '--price', '1', '--pay-to', address, '--port', '70000')).rejects.toThrow(/no port/);
  });
});
