import { secp256k1 } from '@noble/curves/secp256k1';
import {
  type Address,
  concatHex,
  type Hex,
  isHex,
  size,
  type TransactionSerializableEIP1559,
  type TypedDataDefinition,
  toHex,
} from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { type Ed25519Signer, ed25519Signer } from '../../core/crypto/ed25519.ts';
import { BursarError } from '../../core/errors/base.ts';

/** The purpose of a key: `owner`, `guardian`, `executor`, `relayer`, `treasury`, `approver-ada`. */
export type KeyRole = string;
/** The role that signs the heads of the event log. Its 32 bytes are an Ed25519 seed: it has no address and signs no transaction. */
export const LOG_ROLE = 'log';

const KEY_ROLE_PATTERN = /^[a-z][a-z0-9-]{0,39}$/;

/**
 * Signs with keys that it never exposes. A KMS or HSM can implement this; the keystore and the environment are built in. All
 * methods throw `not_configured` for a role without a key.
 */
export interface KeyProvider {
  /** The roles for which it has an account, sorted; `log` is not one. */
  roles(): Promise<KeyRole[]>;
  address(role: KeyRole): Promise<Address>;
  /** ECDSA over the 32 bytes themselves, as 65 bytes r, s, v (27 or 28). No EIP-191 prefix: only for digests computed here. */
  signDigest(role: KeyRole, digest: Hex): Promise<Hex>;
  /** The same without waiting, inside a transaction; null or absent if the key is not in this process. */
  signDigestNow?(role: KeyRole, digest: Hex): Hex | null;
  /** EIP-712. */
  signTypedData(role: KeyRole, typedData: TypedDataDefinition): Promise<Hex>;
  /** EIP-1559, with a chain id (EIP-155 replay protection). Returns the raw transaction. */
  signTransaction(role: KeyRole, transaction: TransactionSerializableEIP1559): Promise<Hex>;
  /** The Ed25519 key for the heads of the event log; null or absent if there is none. */
  logSigner?(): Promise<Ed25519Signer | null>;
}

/** A provider over private keys in memory. The keys stay in its closure, so they cannot be printed, inspected or serialised. */
export function memoryKeys(privateKeys: ReadonlyMap<KeyRole, Hex>): KeyProvider {
  const accounts = new Map<KeyRole, PrivateKeyAccount>();
  const secrets = new Map<KeyRole, Hex>();
  let log: Ed25519Signer | null = null;
  for (const [role, key] of privateKeys) {
    if (role === LOG_ROLE) {
      log = ed25519Signer(seedOf(key));
      continue;
    }
    accounts.set(checkRole(role), accountOf(role, key));
    secrets.set(role, key);
  }
  const account = (role: KeyRole): PrivateKeyAccount => {
    const found = accounts.get(role);
    if (!found) throw new BursarError('not_configured', { message: `There is no key for the role "${role}".` });
    return found;
  };
  return {
    roles: async () => [...accounts.keys()].sort(),
    address: async (role) => account(role).address,
    signDigest: async (role, digest) => {
      if (size(digest) !== 32) throw new BursarError('invalid_request', { message: 'A digest has 32 bytes.' });
      return account(role).sign({ hash: digest });
    },
    signDigestNow: (role, digest) => {
      const secret = secrets.get(role);
      return secret === undefined || size(digest) !== 32 ? null : signNow(digest, secret);
    },
    signTypedData: async (role, typedData) => account(role).signTypedData(typedData),
    signTransaction: async (role, transaction) => account(role).signTransaction(transaction),
    logSigner: async () => log,
  };
}

/** RFC 6979 with low s: the same bytes as the account's own `sign`. */
function signNow(digest: Hex, secret: Hex): Hex {
  const { r, s, recovery } = secp256k1.sign(digest.slice(2), secret.slice(2), { lowS: true });
  return concatHex([toHex(r, { size: 32 }), toHex(s, { size: 32 }), recovery === 0 ? '0x1b' : '0x1c']);
}

const ENVIRONMENT_PREFIX = 'BURSAR_KEY_';

/** Keys from `BURSAR_KEY_<ROLE>` (dashes as underscores): for tests and throw-away chains, since environments leak. */
export function environmentKeys(environment: Record<string, string | undefined>): KeyProvider {
  const keys = new Map<KeyRole, Hex>();
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || !value) continue;
    const role = name.slice(ENVIRONMENT_PREFIX.length).toLowerCase().replaceAll('_', '-');
    keys.set(role, value as Hex);
  }
  return memoryKeys(keys);
}

/** A provider that asks the first of several that has the role. */
export function layeredKeys(...providers: readonly KeyProvider[]): KeyProvider {
  const holding = async (role: KeyRole): Promise<KeyProvider> => {
    for (const provider of providers) if ((await provider.roles()).includes(role)) return provider;
    throw new BursarError('not_configured', { message: `There is no key for the role "${role}".` });
  };
  return {
    roles: async () => [...new Set((await Promise.all(providers.map((provider) => provider.roles()))).flat())].sort(),
    address: async (role) => (await holding(role)).address(role),
    signDigest: async (role, digest) => (await holding(role)).signDigest(role, digest),
    signDigestNow: (role, digest) => {
      for (const provider of providers) {
        // This provider may have the role although it cannot sign without waiting, so later providers are not asked.
        if (!provider.signDigestNow) return null;
        const signature = provider.signDigestNow(role, digest);
        if (signature !== null) return signature;
      }
      return null;
    },
    signTypedData: async (role, typedData) => (await holding(role)).signTypedData(role, typedData),
    signTransaction: async (role, transaction) => (await holding(role)).signTransaction(role, transaction),
    logSigner: async () => {
      for (const provider of providers) {
        const signer = await provider.logSigner?.();
        if (signer) return signer;
      }
      return null;
    },
  };
}

export function checkRole(role: string): KeyRole {
  if (KEY_ROLE_PATTERN.test(role)) return role;
  throw new BursarError('invalid_request', { message: `"${role.slice(0, 60)}" is no name for a key.` });
}

/** The public name of a key in a keystore: its address, or the public key of the log's key. */
export function publicNameOf(role: KeyRole, key: Hex): string {
  if (role !== LOG_ROLE) return accountOf(role, key).address;
  return `ed25519:${ed25519Signer(seedOf(key)).publicKey.toString('hex')}`;
}

function seedOf(key: Hex): Buffer {
  if (isHex(key, { strict: true }) && size(key) === 32) return Buffer.from(key.slice(2), 'hex');
  throw new BursarError('not_configured', { message: 'The key for "log" is not an Ed25519 seed of 32 bytes in hex.' });
}

/** Never quotes the key, not even a malformed one: it is often a real key with a typing error. */
export function accountOf(role: KeyRole, key: Hex): PrivateKeyAccount {
  try {
    if (!isHex(key, { strict: true }) || size(key) !== 32) throw new Error('shape');
    return privateKeyToAccount(key);
  } catch {
    throw new BursarError('not_configured', {
      message: `The key for "${role}" is not a secp256k1 private key of 32 bytes in hex.`,
    });
  }
}
