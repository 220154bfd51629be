import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Ed25519Signer } from '../../core/crypto/ed25519.ts';
import { HASH_BYTES, type Hash } from './merkle.ts';

/** The head of a log's tree: after `size` events its root is `root`. */
export type TreeHead = { origin: string; size: number; root: Hash };
/** A tree head as the log signed it. `note` is the whole text, signatures included. */
export type Checkpoint = TreeHead & { note: string };
/** Who a note must be signed by: the key's name (our logs sign with the origin as name) and its Ed25519 public key. */
export type NoteKey = { name: string; publicKey: Buffer };
export type NoteSigner = NoteKey & Ed25519Signer;

/** Bounds what a reader takes in: a checkpoint with witnesses' cosignatures stays far below. */
export const NOTE_BYTES_MAX = 65_536;
const SIGNATURES_MAX = 64;
/** Signature type of Ed25519 in C2SP signed-note. */
const ED25519 = 0x01;
/** DER up to the raw key: SubjectPublicKeyInfo of RFC 8410. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export class NoteError extends Error {
  override readonly name = 'NoteError';
}

/** Throws `NoteError` for a name that no signature line can carry. */
export function noteSigner(name: string, signer: Ed25519Signer): NoteSigner {
  if (!/^[^\s+]+$/u.test(name)) throw new NoteError('A key name holds neither spaces nor a plus sign.');
  return { name, ...signer };
}

/** `<name>+<key id>+<base64>`, as Go's sumdb/note and other readers take it. */
export function formatVerifierKey({ name, publicKey }: NoteKey): string {
  const typed = Buffer.concat([Buffer.from([ED25519]), publicKey]);
  return `${name}+${keyId({ name, publicKey }).toString('hex')}+${typed.toString('base64')}`;
}

/** Throws `NoteError` where the text is no verifier key of type Ed25519, or its key id does not belong to it. */
export function parseVerifierKey(text: string): NoteKey {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(text);
  if (!match) throw new NoteError('The verifier key is not of the form <name>+<key id>+<key>.');
  const [, name = '', id = '', encoded = ''] = match;
  const typed = fromBase64(encoded);
  if (typed === null || typed.length !== 1 + HASH_BYTES || typed[0] !== ED25519) {
    throw new NoteError('The verifier key is not an Ed25519 key.');
  }
  const key = { name, publicKey: typed.subarray(1) };
  if (keyId(key).toString('hex') !== id) throw new NoteError('The key id does not belong to the verifier key.');
  return key;
}

/** C2SP signed-note: SHA-256(name || newline || type || public key), first four bytes. */
export function keyId({ name, publicKey }: NoteKey): Buffer {
  return createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([ED25519]))
    .update(publicKey)
    .digest()
    .subarray(0, 4);
}

/** Signs a tree head as a C2SP tlog-checkpoint. The signer's name is the origin. */
export async function signCheckpoint(signer: NoteSigner, size: number, root: Hash): Promise<Checkpoint> {
  const text = `${signer.name}\n${size}\n${root.toString('base64')}\n`;
  const signature = Buffer.concat([keyId(signer), await signer.sign(Buffer.from(text))]);
  const note = `${text}\n— ${signer.name} ${signature.toString('base64')}\n`;
  return { origin: signer.name, size, root, note };
}

/**
 * Reads a checkpoint and verifies its signature. Signatures of other keys (witnesses) are ignored, as C2SP says; a wrong one of this
 * key refuses the note. Throws `NoteError` with the reason.
 */
export function openCheckpoint(note: string, key: NoteKey): Checkpoint {
  const { text, signatures } = splitNote(note);
  const id = keyId(key);
  const ours = signatures.filter((each) => each.name === key.name && each.id.equals(id));
  if (ours.length === 0) throw new NoteError(`The checkpoint is not signed by ${formatVerifierKey(key)}.`);
  const publicKey = publicKeyOf(key);
  if (!ours.every((each) => verify(null, Buffer.from(text), publicKey, each.signature))) {
    throw new NoteError('The signature does not belong to the checkpoint.');
  }
  const head = parseHead(text);
  if (head.origin !== key.name) throw new NoteError(`The checkpoint is of the log ${head.origin}, not of ${key.name}.`);
  return { ...head, note };
}

/** What a checkpoint says, without a look at who signed it: to name what is wrong with it. */
export function readCheckpoint(note: string): Checkpoint {
  return { ...parseHead(splitNote(note).text), note };
}

type Signature = { name: string; id: Buffer; signature: Buffer };

function splitNote(note: string): { text: string; signatures: Signature[] } {
  if (Buffer.byteLength(note) > NOTE_BYTES_MAX) throw new NoteError('The note is too long.');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: signed-note forbids them, but for the newline.
  if (/[\u0000-\u0009\u000b-\u001f\ufffd]/.test(note))
    throw new NoteError('The note holds characters that none may hold.');
  const at = note.lastIndexOf('\n\n');
  if (at < 0 || !note.endsWith('\n')) throw new NoteError('The note has no signatures.');
  const lines = note.slice(at + 2, -1).split('\n');
  if (lines.length > SIGNATURES_MAX) throw new NoteError('The note has too many signatures.');
  return { text: note.slice(0, at + 1), signatures: lines.map(signatureOf) };
}

function signatureOf(line: string): Signature {
  const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+=*)$/u.exec(line);
  const bytes = match?.[2] === undefined ? null : fromBase64(match[2]);
  if (!match || bytes === null || bytes.length < 5) throw new NoteError('A signature line of the note is malformed.');
  return { name: match[1] as string, id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

function parseHead(text: string): TreeHead {
  const [origin = '', sizeText = '', rootText = ''] = text.split('\n');
  const size = Number(sizeText);
  const root = fromBase64(rootText);
  if (origin === '') throw new NoteError('The checkpoint names no log.');
  if (!/^(0|[1-9][0-9]{0,15})$/.test(sizeText) || !Number.isSafeInteger(size)) {
    throw new NoteError('The size of the checkpoint is no number of events.');
  }
  if (root?.length !== HASH_BYTES) throw new NoteError('The root of the checkpoint is no SHA-256 hash.');
  return { origin, size, root };
}

/** Null where the text is not the one base64 form of its bytes. */
export function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

function publicKeyOf({ publicKey }: NoteKey): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
}
