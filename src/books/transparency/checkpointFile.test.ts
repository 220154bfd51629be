import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ed25519Signer } from '../../core/crypto/ed25519.ts';
import { appendCheckpoint, parseCheckpointFile, readCheckpointFile } from './checkpointFile.ts';
import { leafHash } from './merkle.ts';
import { noteSigner, signCheckpoint } from './note.ts';

const signer = noteSigner('bursar/test', ed25519Signer(Buffer.alloc(32, 1)));
const noteOf = async (size: number) => (await signCheckpoint(signer, size, leafHash(`${size}`))).note;

let folder: string;
let path: string;
let notes: string[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-checkpoints-'));
  path = join(folder, 'checkpoints');
  notes = await Promise.all([3, 8, 20].map(noteOf));
  for (const note of notes) appendCheckpoint(path, note);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const reading = () => parseCheckpointFile(readCheckpointFile(path) ?? '');

describe('the file of checkpoints', () => {
  it('holds every note in order, and is its owner’s alone', () => {
    expect(reading().records.map(({ note }) => note)).toEqual(notes);
    expect(reading().damaged).toEqual([]);
    expect(reading().records.map(({ line }) => line)).toEqual([1, 7, 13]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(reading().wholeBytes).toBe(statSync(path).size);
  });

  it('does not hold the last note twice', () => {
    appendCheckpoint(path, notes[2] as string);
    expect(reading().records).toHaveLength(3);
  });

  it('is read up to any byte at which a crash cut it, and goes on from there', async () => {
    const whole = readFileSync(path);
    const last = await noteOf(21);
    for (let cut = Buffer.byteLength(`${notes[0]}\n${notes[1]}\n`); cut < whole.length; cut += 1) {
      writeFileSync(path, whole);
      truncateSync(path, cut);
      expect(reading().records.map(({ note }) => note)).toEqual(notes.slice(0, 2));
      expect(reading().damaged.length).toBe(cut === Buffer.byteLength(`${notes[0]}\n${notes[1]}\n`) ? 0 : 1);
      appendCheckpoint(path, last);
      expect(reading().records.map(({ note }) => note)).toEqual([notes[0], notes[1], last]);
      expect(reading().damaged).toEqual([]);
    }
  });

  it('names what was taken out, and still reads what comes after', () => {
    const lines = readFileSync(path, 'utf8').split('\n');
    for (let gone = 0; gone < 6; gone += 1) {
      const text = lines.filter((_, n) => n !== 6 + gone).join('\n');
      const { records, damaged } = parseCheckpointFile(text);
      const found = records.map(({ note }) => note);
      expect(found).toContain(notes[0]);
      expect(found).not.toContain(notes[1]);
      expect(damaged.length + found.length).toBeGreaterThanOrEqual(2);
      if (gone < 5) expect(found).toContain(notes[2]);
    }
  });

  it('names lines that were written into it', () => {
    appendFileSync(path, 'no note\n\n');
    appendCheckpoint(path, notes[0] as string);
    expect(reading().damaged).toEqual([{ line: 19, reason: 'these lines are no signed note' }]);
    expect(reading().records).toHaveLength(4);
  });

  it('is none where it was deleted', () => {
    rmSync(path);
    expect(readCheckpointFile(path)).toBeNull();
    expect(parseCheckpointFile('')).toEqual({ records: [], damaged: [], wholeBytes: 0 });
  });

  it('that cannot be written is a refusal with a code', () => {
    expect(() => appendCheckpoint(join(folder, 'missing', 'checkpoints'), notes[0] as string)).toThrow(
      expect.objectContaining({ code: 'storage_failed' }),
    );
    chmodSync(path, 0o600);
  });
});
