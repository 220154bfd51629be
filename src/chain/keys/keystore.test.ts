import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { keccak256, recoverAddress, toHex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pythonWith } from '../../../test/support/python.ts';
import { LOG_ROLE } from './keys.ts';
import { addKeystoreKey, createKeystore, openKeystore } from './keystore.ts';

const PASSPHRASE = 'correct horse';
// The floor that a file may state: keeps the suite quick, and is the same code.
const FAST = { scryptN: 16_384 };
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-keys-'));
  path = join(folder, 'keys', 'keystore');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type KeyFile = { address?: string; public_key?: string; crypto: Record<string, unknown> };
const fileOf = (role: string): string => join(path, `${role}.json`);
const read = (role: string): KeyFile => JSON.parse(readFileSync(fileOf(role), 'utf8')) as KeyFile;
function rewrite(role: string, change: (file: KeyFile) => void): void {
  const file = read(role);
  change(file);
  writeFileSync(fileOf(role), JSON.stringify(file));
}

/** Foundry's own reader, from its npm package. */
function cast(...args: string[]): string {
  const wrapper = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/cast/package.json'));
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const binary = wrapper.resolve(`@foundry-rs/cast-${process.platform}-${architecture}/bin/cast`);
  return execFileSync(binary, args, { encoding: 'utf8' });
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
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'keys'))).toEqual(['keystore']);
    expect(readdirSync(path)).toEqual(['owner.json', 'treasury.json']);
    expect(statSync(fileOf('treasury')).mode & 0o777).toBe(0o600);
    expect(readFileSync(fileOf('treasury'), 'utf8')).not.toContain(key.slice(2));
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
    rewrite('owner', (file) => {
      file.address = privateKeyToAccount(generatePrivateKey()).address.slice(2).toLowerCase();
    });
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it('refuses two roles whose files were swapped, and a file that was copied to another role', async () => {
    await createKeystore(path, PASSPHRASE, ['executor', 'owner'], FAST);
    const owner = readFileSync(fileOf('owner'));
    renameSync(fileOf('executor'), fileOf('owner'));
    writeFileSync(fileOf('executor'), owner, { mode: 0o600 });
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
    rmSync(fileOf('owner'));
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it.each(['ciphertext', 'mac', 'cipherparams'])('refuses a file whose %s was changed', async (field) => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    const flipped = (text: string) => `${text.startsWith('0') ? '1' : '0'}${text.slice(1)}`;
    rewrite('owner', ({ crypto }) => {
      const value = crypto[field];
      crypto[field] = typeof value === 'string' ? flipped(value) : { iv: flipped((value as { iv: string }).iv) };
    });
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it('is what Foundry and Python read: Web3 Secret Storage version 3', async () => {
    const { owner } = await createKeystore(path, PASSPHRASE, ['owner', LOG_ROLE], FAST);
    const key = generatePrivateKey();
    await addKeystoreKey(path, PASSPHRASE, 'treasury', key);
    const unlocked = ['--keystore', fileOf('owner'), '--password', PASSPHRASE];
    expect(cast('wallet', 'address', ...unlocked).trim()).toBe(owner);
    const python = await pythonWith('eth-keyfile==0.8.1');
    const code =
      'import eth_keyfile, sys; print(eth_keyfile.extract_key_from_keyfile(sys.argv[1], sys.argv[2].encode()).hex())';
    const said = execFileSync(python, ['-c', code, fileOf('treasury'), PASSPHRASE], { encoding: 'utf8' });
    expect(`0x${said.trim()}`).toBe(key);
    expect(read(LOG_ROLE)).toMatchObject({ public_key: expect.stringMatching(/^ed25519:[0-9a-f]{64}$/) });
  });

  it.each([
    ['cut off', '{"version":3'],
    ['of another shape', '{"version":3}'],
    ['of another version', '{"version":4}'],
    ['empty', ''],
  ])('refuses a file that is %s', async (_, text) => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    writeFileSync(fileOf('owner'), text);
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it('refuses a planted file that asks for endless stretching', async () => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    rewrite('owner', (file) => {
      file.crypto.kdfparams = { n: 2 ** 30, r: 8, p: 1, dklen: 32, salt: '00'.repeat(32) };
    });
    await expect(openKeystore(path, PASSPHRASE)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it('refuses a file that others can read', async () => {
    await createKeystore(path, PASSPHRASE, ['owner'], FAST);
    chmodSync(fileOf('owner'), 0o644);
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
