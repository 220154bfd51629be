import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataDirAt, readConfig } from '../../app/server/config.ts';
import { requireSupportedChain } from './chainProfile.ts';

const address = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';

describe('a chain whose USDC its logs do not tell of', () => {
  it.each([
    [5042, 'Arc'],
    [5_042_002, 'Arc Testnet'],
  ])('%i is refused by name', (id, name) => {
    expect(() => requireSupportedChain(id)).toThrow(expect.objectContaining({ code: 'chain_not_supported' }));
    expect(() => requireSupportedChain(id)).toThrow(`(${name})`);
  });

  it('is refused in the configuration, and others are not', () => {
    const dir = mkdtempSync(join(tmpdir(), 'bursar-chain-'));
    const dataDir = dataDirAt(dir);
    const write = (id: number): void => {
      const finality = { kind: 'tag' };
      const rest = { rpc_url: 'https://rpc.example', usdc: address, factory: address, registry: null, finality };
      const chain = { id, ...rest, poll_ms: 2_000, start_block: null };
      writeFileSync(dataDir.config, JSON.stringify({ chain, server: { host: '127.0.0.1', port: 8402 } }));
    };
    write(5042);
    expect(() => readConfig(dataDir)).toThrow(expect.objectContaining({ code: 'chain_not_supported' }));
    write(8453);
    expect(readConfig(dataDir)?.chain.id).toBe(8453);
    rmSync(dir, { recursive: true });
  });
});
