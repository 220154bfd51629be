import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { keccak256, recoverAddress, toHex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addKeystoreKey, createKeystore, openKeystore } from './keystore.ts';

const PASSPHRASE = 'correct horse';
// The floor that a file may state: keeps the suite quick, and is the same code.
const FAST = { scryptN: 16_384 };
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-keys-'));
  path = join(folder, 'keys', 'keystore.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function rewrite(change: (file: { addresses: Record<string, string>; crypto: Record<string, unknown> }) => void): void {
  const file = JSON.parse(readFileSync(path, 'utf8'));
  change(file);
  writeFileSync(path, JSON.stringify(file));
}

describe('keystore', () => {
  it('gives back the keys it made, under the default stretching', async () => {
    const addresses = await createKeystore(path, PASSPHRASE, ['owner', 'executor']);
    const keys = await openKeystore(path, PASSPHRASE);
    expect(await keys.roles()).toEqual(['executor', 'owner']);
    expect(await keys.address('executor')).toBe(addresses.executor);
    const digest = keccak256(toHex('x'));
    const signature = await keys.signDigest('executor', digest);
    expect(await recoverAddress({ hash: digest, signature })).toBe(addresses.executor);
  });

  it('a wrong passphrase opens nothing and says so', async () => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    await expect(openKeystore(path, 'wrong')).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it('the file is readable by its owner only, leaves no temporary file, and holds no key in the clear', async () => {
    const key = generatePrivateKey();
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    await addKeystoreKey(path, PASSPHRASE, 'treasury', key);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'keys'))).toEqual(['keystore.json']);
    expect(readFileSync(path, 'utf8')).not.toContain(key.slice(2));
  });

  it('adds a key and keeps the others', async () => {
    const { owner } = await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    const key = generatePrivateKey();
    expect(await addKeystoreKey(path, PASSPHRASE, 'approver-ada', key)).toBe(privateKeyToAccount(key).address);
    const keys = await openKeystore(path, PASSPHRASE);
    expect(await keys.address('owner')).toBe(owner);
    expect(await keys.address('approver-ada')).toBe(privateKeyToAccount(key).address);
  });

  it('never overwrites: neither a file nor a role', async () => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    await expect(createKeystore(path, PASSPHRASE, ['owner'], FAST)).rejects.toMatchObject({ code: 'conflict' });
    await expect(addKeystoreKey(path, PASSPHRASE, 'owner')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('refuses a file in which an address was swapped', async () => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    rewrite((file) => {
      file.addresses.owner = privateKeyToAccount(generatePrivateKey()).address;
    });
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it.each([
    ['cut off', '{"version":"bursar-1"'],
    ['of another shape', '{"version":3}'],
    ['empty', ''],
  ])('refuses a file that is %s', async (_, text) => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    writeFileSync(path, text);
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it('refuses a planted file that asks for endless stretching', async () => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    rewrite((file) => {
      file.crypto.kdfparams = { n: 2 ** 30, r: 8, p: 1, dklen: 32, salt: '00'.repeat(32) };
    });
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it('refuses a file that others can read', async () => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    chmodSync(path, 0o644);
    await expect(openKeystore(path, PASSPHRASE)).rejects.toThrow(/600/);
  });

  it('a missing file and an empty passphrase are named', async () => {
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'not_configured' });
    await expect(createKeystore(path, '', ['owner'])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(createKeystore(path, PASSPHRASE, ['../owner'])).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('the provider shows no key when printed', async () => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    const key = generatePrivateKey();
    await addKeystoreKey(path, PASSPHRASE, 'executor', key);
    const keys = await openKeystore(path, PASSPHRASE);
    expect(inspect(keys, { depth: 10, showHidden: true }) + JSON.stringify(keys)).not.toContain(key.slice(2));
  });
});
