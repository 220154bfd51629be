import { createPrivateKey, createPublicKey, sign } from 'node:crypto';

/** Signs messages with Ed25519 (RFC 8032); the key is never exposed. Asynchronous, so that a KMS can implement it. */
export type Ed25519Signer = { publicKey: Buffer; sign(message: Uint8Array): Buffer | Promise<Buffer> };

/** The PKCS #8 header (RFC 8410, DER) that precedes the raw key. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_KEY_BYTES = 32;

/** Makes a signer from a seed of 32 bytes. */
export function ed25519Signer(seed: Uint8Array): Ed25519Signer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { publicKey: spki.subarray(-PUBLIC_KEY_BYTES), sign: (message) => sign(null, message, key) };
}
