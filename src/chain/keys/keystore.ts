import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Address, Hex } from 'viem';
import { generatePrivateKey } from 'viem/accounts';
import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { checkRole, type KeyProvider, type KeyRole, memoryKeys, publicNameOf } from './keys.ts';

/** The file: Web3 Secret Storage v3's shape (scrypt), with AES-256-GCM and all roles under one passphrase. */
const KeystoreFile = z.strictObject({
  version: z.literal('bursar-1'),
  addresses: z.record(z.string(), z.string()),
  crypto: z.strictObject({
    kdf: z.literal('scrypt'),
    // Bounds: a planted file must not make us allocate without end (128 * n * r bytes).
    kdfparams: z.strictObject({
      n: z.int().min(16_384).max(1_048_576),
      r: z.literal(8),
      p: z.literal(1),
      dklen: z.literal(32),
      salt: z.string().regex(/^[0-9a-f]{64}$/),
    }),
    cipher: z.literal('aes-256-gcm'),
    cipherparams: z.strictObject({ iv: z.string().regex(/^[0-9a-f]{24}$/) }),
    ciphertext: z.string().regex(/^([0-9a-f]{2})+$/),
    tag: z.string().regex(/^[0-9a-f]{32}$/),
  }),
});
type KeystoreFile = z.infer<typeof KeystoreFile>;

/** OWASP's scrypt floor: n = 2^17, r = 8, p = 1; 128 MiB and a third of a second per guess. */
const SCRYPT_N = 131_072;
const FILE_BYTES_MAX = 1_048_576;

/**
 * Makes an encrypted keystore with a new key per role and gives their addresses. Mode 0600, written whole or not at all.
 * Throws `conflict` when the file exists (keys are never overwritten), `invalid_request` for an empty passphrase.
 */
export async function createKeystore(
  path: string,
  passphrase: string,
  roles: readonly KeyRole[],
  options: { scryptN?: number } = {},
): Promise<Record<KeyRole, Address>> {
  if (existsSync(path)) throw new BursarError('conflict', { message: 'There is a keystore already.' });
  const keys = new Map(roles.map((role) => [checkRole(role), generatePrivateKey()]));
  return writeKeystore(path, passphrase, keys, options.scryptN ?? SCRYPT_N);
}

/** Opens a keystore. Throws `not_configured` when missing, `keystore_locked` for a wrong passphrase or a changed file. */
export async function openKeystore(path: string, passphrase: string): Promise<KeyProvider> {
  return memoryKeys((await decrypt(path, passphrase)).keys);
}

/** The roles that a keystore has keys for, the log's among them; read without the passphrase. */
export function keystoreRoles(path: string): KeyRole[] {
  return Object.keys(readFile(path).addresses).sort();
}

/** Adds a key (a new one unless given) and re-encrypts the file. Throws `conflict` when the role has one already. */
export async function addKeystoreKey(
  path: string,
  passphrase: string,
  role: KeyRole,
  privateKey: Hex = generatePrivateKey(),
): Promise<Address> {
  const { keys, file } = await decrypt(path, passphrase);
  if (keys.has(checkRole(role))) throw new BursarError('conflict', { message: `"${role}" has a key already.` });
  keys.set(role, privateKey);
  await writeKeystore(path, passphrase, keys, file.crypto.kdfparams.n);
  return publicNameOf(role, privateKey) as Address;
}

async function writeKeystore(
  path: string,
  passphrase: string,
  keys: ReadonlyMap<KeyRole, Hex>,
  n: number,
): Promise<Record<KeyRole, Address>> {
  if (passphrase.length === 0) throw new BursarError('invalid_request', { message: 'The passphrase is empty.' });
  const addresses = Object.fromEntries([...keys].map(([role, key]) => [role, publicNameOf(role, key)]));
  const kdfparams = { n, r: 8, p: 1, dklen: 32, salt: randomBytes(32).toString('hex') } as const;
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, kdfparams), iv);
  cipher.setAAD(boundText(addresses, kdfparams));
  const secret = Buffer.from(JSON.stringify(Object.fromEntries(keys)));
  const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]).toString('hex');
  secret.fill(0);
  const file: KeystoreFile = {
    version: 'bursar-1',
    addresses,
    crypto: {
      kdf: 'scrypt',
      kdfparams,
      cipher: 'aes-256-gcm',
      cipherparams: { iv: iv.toString('hex') },
      ciphertext,
      tag: cipher.getAuthTag().toString('hex'),
    },
  };
  writeAtomically(path, `${JSON.stringify(file, null, 2)}\n`);
  return addresses as Record<KeyRole, Address>;
}

async function decrypt(path: string, passphrase: string): Promise<{ keys: Map<KeyRole, Hex>; file: KeystoreFile }> {
  const file = readFile(path);
  const { kdfparams, cipherparams, ciphertext, tag } = file.crypto;
  const decipher = createDecipheriv(
    'aes-256-gcm',
    await derive(passphrase, kdfparams),
    Buffer.from(cipherparams.iv, 'hex'),
  );
  decipher.setAAD(boundText(file.addresses, kdfparams)).setAuthTag(Buffer.from(tag, 'hex'));
  let secret: Buffer;
  try {
    secret = Buffer.concat([decipher.update(ciphertext, 'hex'), decipher.final()]);
  } catch {
    // The cause is left out on purpose: it says nothing, and nothing near the keys is worth printing.
    throw new BursarError('keystore_locked', { message: 'The passphrase is wrong, or the keystore was changed.' });
  }
  const keys = new Map(Object.entries(JSON.parse(secret.toString('utf8')) as Record<KeyRole, Hex>));
  secret.fill(0);
  return { keys, file };
}

function readFile(path: string): KeystoreFile {
  if (!existsSync(path))
    throw new BursarError('not_configured', { message: 'There is no keystore. Run `bursar init`.' });
  const { mode, size } = statSync(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new BursarError('keystore_locked', {
      message: `Others can read the keystore (mode ${(mode & 0o777).toString(8)}). Set it to 600.`,
    });
  }
  if (size > FILE_BYTES_MAX) throw new BursarError('keystore_locked', { message: 'The keystore is no keystore.' });
  try {
    return KeystoreFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw new BursarError('keystore_locked', { message: 'The keystore is damaged: restore it from a backup.' });
  }
}

function derive(passphrase: string, { n, r, p, dklen, salt }: KeystoreFile['crypto']['kdfparams']): Promise<Buffer> {
  // NFKC: the same passphrase typed on another system gives the same bytes.
  const secret = Buffer.from(passphrase.normalize('NFKC'), 'utf8');
  return new Promise((resolve, reject) => {
    scrypt(secret, Buffer.from(salt, 'hex'), dklen, { N: n, r, p, maxmem: 256 * n * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Authenticated with the keys: nobody can swap an address or weaken the stretching unnoticed. */
function boundText(addresses: Record<string, string>, kdfparams: KeystoreFile['crypto']['kdfparams']): Buffer {
  const { n, r, p, dklen, salt } = kdfparams;
  return Buffer.from(JSON.stringify([Object.entries(addresses).sort(), n, r, p, dklen, salt]));
}

/** Whole or not at all: into a new file beside it, to disk, then renamed over it. */
function writeAtomically(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
