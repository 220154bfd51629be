import { describe, expect, it } from 'vitest';
import { ed25519Signer } from '../../core/crypto/ed25519.ts';
import { leafHash } from './merkle.ts';
import {
  formatVerifierKey,
  keyId,
  NOTE_BYTES_MAX,
  NoteError,
  noteSigner,
  openCheckpoint,
  parseVerifierKey,
  readCheckpoint,
  signCheckpoint,
} from './note.ts';

const key = ed25519Signer(Buffer.alloc(32, 7));
const signer = noteSigner('bursar/eip155-31337/0xabc', key);
const root = leafHash('an event');
const { note } = await signCheckpoint(signer, 42, root);

const problem = (text: string): string => {
  try {
    openCheckpoint(text, signer);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(NoteError);
    return (error as Error).message;
  }
};

describe('a checkpoint', () => {
  it('is a signed note of origin, size and root', () => {
    const [origin, size, hash, empty, line] = note.split('\n');
    expect([origin, size, hash, empty]).toEqual([signer.name, '42', root.toString('base64'), '']);
    expect(line).toMatch(/^— bursar\/eip155-31337\/0xabc [A-Za-z0-9+/]+=*$/);
    expect(openCheckpoint(note, signer)).toEqual({ origin: signer.name, size: 42, root, note });
  });

  it('is accepted with cosignatures of witnesses, whatever they are', async () => {
    const witness = noteSigner('witness.example', ed25519Signer(Buffer.alloc(32, 9)));
    const line = (await signCheckpoint(witness, 1, root)).note.split('\n\n')[1];
    expect(openCheckpoint(note + line, signer).size).toBe(42);
    expect(openCheckpoint(note.replace('\n\n', `\n\n${line}`), signer).size).toBe(42);
  });

  it.each([
    ['another size', (text: string) => text.replace('\n42\n', '\n41\n')],
    ['another origin', (text: string) => text.replace('0xabc\n', '0xabd\n')],
    ['another root', (text: string) => text.replace(root.toString('base64'), leafHash('another').toString('base64'))],
    ['another line before the signatures', (text: string) => text.replace('\n\n', '\nextension\n\n')],
  ])('is refused with %s', (_, change) => {
    const changed = change(note);
    expect(changed).not.toBe(note);
    expect(problem(changed)).toBe('The signature does not belong to the checkpoint.');
  });

  it.each([
    ['no signature', note.split('\n\n')[0] as string],
    ['a cut signature line', note.slice(0, -10)],
    ['nothing', ''],
    ['carriage returns', note.replaceAll('\n', '\r\n')],
    ['bytes that were no UTF-8', note.replace('abc', 'ab\ufffd')],
    ['more than a note may hold', note + '— x AAAAAAAA\n'.repeat(10_000)],
    ['a hyphen for the dash', note.replace('—', '-')],
    ['text after the signatures', `${note}more\n`],
  ])('is refused with %s', (_, text) => {
    expect(problem(text)).not.toBe('accepted');
    expect(() => readCheckpoint(text)).toThrow(NoteError);
  });

  it('is refused when another key of the same name signed it, and says so', async () => {
    const other = await signCheckpoint(noteSigner(signer.name, ed25519Signer(Buffer.alloc(32, 8))), 42, root);
    expect(problem(other.note)).toContain('is not signed by');
  });

  it('is refused when one of two signatures of the key is wrong', async () => {
    const other = (await signCheckpoint(signer, 43, root)).note.split('\n\n')[1] as string;
    expect(problem(note + other)).toBe('The signature does not belong to the checkpoint.');
  });

  it('of another log that the same key signed is refused', async () => {
    const text = `another/log\n42\n${root.toString('base64')}\n`;
    const signature = Buffer.concat([keyId(signer), await signer.sign(Buffer.from(text))]).toString('base64');
    expect(problem(`${text}\n— ${signer.name} ${signature}\n`)).toContain('is of the log another/log');
  });

  it.each(['042', '-1', '1e3', '', '4 2', '9007199254740993'])('with size "%s" is refused', async (size) => {
    const text = `${signer.name}\n${size}\n${root.toString('base64')}\n`;
    const signature = Buffer.concat([keyId(signer), await signer.sign(Buffer.from(text))]).toString('base64');
    expect(problem(`${text}\n— ${signer.name} ${signature}\n`)).toContain('size');
  });

  it('stays within what readers take', () => {
    expect(Buffer.byteLength(note)).toBeLessThan(NOTE_BYTES_MAX);
  });
});

describe('a verifier key', () => {
  it('is read back as it was written', () => {
    const text = formatVerifierKey(signer);
    expect(parseVerifierKey(text)).toEqual({ name: signer.name, publicKey: signer.publicKey });
  });

  it.each([
    '',
    'a+b',
    'name+00000000+AQ==',
    `${formatVerifierKey(signer)}x`,
    formatVerifierKey(signer).replace('abc', 'abd'),
  ])('is refused as "%s"', (text) => {
    expect(() => parseVerifierKey(text)).toThrow(NoteError);
  });

  it('has no spaces and no plus in its name', () => {
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b']) expect(() => noteSigner(name, key)).toThrow(NoteError);
  });
});
