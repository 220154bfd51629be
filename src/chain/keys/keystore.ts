import { createHmac, randomBytes, scrypt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as Keystore from 'ox/Keystore';
import { type Address, type Hex, toHex } from 'viem';
import { generatePrivateKey } from 'viem/accounts';
import { z } from 'zod';
import { BursarError } from '../../core/errors/base.ts';
import { checkRole, type KeyProvider, type KeyRole, memoryKeys, publicNameOf } from './keys.ts';
import { writeAtomically } from './writeAtomically.ts';

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
/**
 * One file of the folder, `<role>.json`: Web3 Secret Storage version 3, which `cast wallet` and geth read. `address` is hex without
 * 0x, as in geth; the log's key is not an account and has `public_key` instead.
 */
const KeyFile = z.strictObject({
  version: z.literal(3),
  id: z.uuid(),
  address: hex(20).optional(),
  public_key: z.string().optional(),
  crypto: z.strictObject({
    kdf: z.literal('scrypt'),
    // Bounds the memory of scrypt (128 * n * r bytes), because a planted file must not make the server allocate without limit.
    kdfparams: z.strictObject({
      n: z.int().min(16_384).max(1_048_576),
      r: z.literal(8),
      p: z.literal(1),
      dklen: z.literal(32),
      salt: hex(32),
    }),
    cipher: z.literal('aes-128-ctr'),
    cipherparams: z.strictObject({ iv: hex(16) }),
    ciphertext: hex(32),
    mac: hex(32),
  }),
});
type KeyFile = z.infer<typeof KeyFile>;
type ScryptParams = KeyFile['crypto']['kdfparams'];

/** OWASP's minimum for scrypt: n = 2^17, r = 8, p = 1; 128 MiB and a third of a second per guess. */
const SCRYPT_N = 131_072;
const FILE_BYTES_MAX = 65_536;
const ROLES_MAX = 100;

/**
 * Makes a folder of encrypted keys, a new key per role, and returns their public names. Folder 0700, files 0600, written
 * atomically. Throws `conflict` if the folder exists (keys are never overwritten), `invalid_request` for an empty passphrase.
 */
export async function createKeystore(
  folder: string,
  passphrase: string,
  roles: readonly KeyRole[],
  options: { scryptN?: number } = {},
): Promise<Record<KeyRole, Address>> {
  if (existsSync(folder)) throw new BursarError('conflict', { message: 'There is a keystore already.' });
  if (passphrase.length === 0) throw new BursarError('invalid_request', { message: 'The passphrase is empty.' });
  const keys = roles.map((role) => [checkRole(role), generatePrivateKey()] as const);
  const stretched = await stretch(passphrase, newParams(options.scryptN ?? SCRYPT_N));
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  const draft = `${folder}.${randomBytes(6).toString('hex')}.new`;
  try {
    mkdirSync(draft, { mode: 0o700 });
    for (const [role, key] of keys) writeKey(draft, role, key, stretched);
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
  return Object.fromEntries(keys.map(([role, key]) => [role, publicNameOf(role, key)])) as Record<KeyRole, Address>;
}

/** Opens a keystore. Throws `not_configured` when missing, `keystore_locked` for a wrong passphrase or a changed file. */
export async function openKeystore(folder: string, passphrase: string): Promise<KeyProvider> {
  return memoryKeys((await decrypt(folder, passphrase)).keys);
}

/** Adds a key (a new one by default) as a separate file. Throws `conflict` if the role has a key already. */
export async function addKeystoreKey(
  folder: string,
  passphrase: string,
  role: KeyRole,
  privateKey: Hex = generatePrivateKey(),
): Promise<Address> {
  const { keys, stretched } = await decrypt(folder, passphrase);
  if (keys.has(checkRole(role))) throw new BursarError('conflict', { message: `"${role}" has a key already.` });
  writeKey(folder, role, privateKey, stretched);
  return publicNameOf(role, privateKey) as Address;
}

/** Derives the key from a passphrase by scrypt. All files of a keystore share the salt, so this is done once. */
type Stretched = { key: Buffer; params: ScryptParams };

const newParams = (n: number): ScryptParams => ({ n, r: 8, p: 1, dklen: 32, salt: randomBytes(32).toString('hex') });

function stretch(passphrase: string, params: ScryptParams): Promise<Stretched> {
  const { n, r, p, dklen, salt } = params;
  // NFKC: the same passphrase typed on another system gives the same bytes.
  const secret = Buffer.from(passphrase.normalize('NFKC'), 'utf8');
  return new Promise((resolve, reject) => {
    scrypt(secret, Buffer.from(salt, 'hex'), dklen, { N: n, r, p, maxmem: 256 * n * r }, (error, key) =>
      error ? reject(error) : resolve({ key, params }),
    );
  });
}

function writeKey(folder: string, role: KeyRole, privateKey: Hex, { key, params }: Stretched): void {
  const name = publicNameOf(role, privateKey);
  const { crypto, id, version } = Keystore.encrypt(privateKey, toHex(key), {
    iv: ivOf(key, role, name),
    kdf: 'scrypt',
    kdfparams: params,
  });
  const file = { version, id, ...publicPart(name), crypto };
  writeAtomically(join(folder, `${role}.json`), `${JSON.stringify(file, null, 2)}\n`);
}

const publicPart = (name: string): Pick<KeyFile, 'address' | 'public_key'> =>
  name.startsWith('0x') ? { address: name.slice(2).toLowerCase() } : { public_key: name };

/**
 * The format authenticates only the ciphertext. Here the counter block is a MAC over role and public name, so a file that was
 * renamed to another role, or whose address was changed, is refused; and no two keys share a counter block.
 */
function ivOf(key: Buffer, role: KeyRole, name: string): Uint8Array {
  return createHmac('sha256', key).update(`bursar keystore ${role} ${name}`).digest().subarray(0, 16);
}

async function decrypt(folder: string, passphrase: string): Promise<{ keys: Map<KeyRole, Hex>; stretched: Stretched }> {
  const files = readFolder(folder);
  const [first] = files.values();
  if (!first) throw damaged();
  const stretched = await stretch(passphrase, first.crypto.kdfparams);
  const keys = new Map<KeyRole, Hex>();
  for (const [role, file] of files) {
    if (JSON.stringify(file.crypto.kdfparams) !== JSON.stringify(first.crypto.kdfparams)) throw damaged();
    keys.set(role, open(role, file, stretched));
  }
  return { keys, stretched };
}

/** The cause is left out on purpose: it has no information, and errors about keys should print as little as possible. */
function open(role: KeyRole, file: KeyFile, { key }: Stretched): Hex {
  const locked = () =>
    new BursarError('keystore_locked', { message: 'The passphrase is wrong, or the keystore was changed.' });
  let privateKey: Hex;
  let name: string;
  try {
    privateKey = Keystore.decrypt(file, toHex(key));
    name = publicNameOf(role, privateKey);
  } catch {
    throw locked();
  }
  const { address, public_key } = publicPart(name);
  const iv = Buffer.from(ivOf(key, role, name)).toString('hex');
  if (file.address !== address || file.public_key !== public_key || file.crypto.cipherparams.iv !== iv) throw locked();
  return privateKey;
}

/** Returns the parsed file of each role. Other files are refused, because keys are at stake. */
function readFolder(folder: string): Map<KeyRole, KeyFile> {
  if (!existsSync(folder))
    throw new BursarError('not_configured', { message: 'There is no keystore. Run `bursar init`.' });
  refuseReadable(folder);
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  if (names.length === 0 || names.length > ROLES_MAX) throw damaged();
  return new Map(names.sort().map((name) => [checkRole(basename(name, '.json')), readKeyFile(join(folder, name))]));
}

function readKeyFile(path: string): KeyFile {
  refuseReadable(path);
  if (statSync(path).size > FILE_BYTES_MAX) throw damaged();
  try {
    return KeyFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw damaged();
  }
}

function refuseReadable(path: string): void {
  const { mode } = statSync(path);
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  throw new BursarError('keystore_locked', {
    message: `Others can read ${basename(path)} (mode ${(mode & 0o777).toString(8)}). Set it to ${(mode & 0o700).toString(8)}.`,
  });
}

const damaged = () =>
  new BursarError('keystore_locked', { message: 'The keystore is damaged: restore it from a backup.' });
