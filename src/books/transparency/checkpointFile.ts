import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { BursarError } from '../../core/errors/base.ts';

/** One signed note of the file, and the line it starts on (from 1). */
export type FileRecord = { line: number; note: string };
export type FileReading = {
  records: FileRecord[];
  /** Where something stands that is no whole note: cut, or written over. */
  damaged: { line: number; reason: string }[];
  /** Bytes up to the end of the last whole note. */
  wholeBytes: number;
};

/** A head a minute for a hundred years stays below. */
const FILE_BYTES_MAX = 1 << 28;
const CUT_OFF = 'the note is cut off';

/** The file's text; null where there is no file. Throws `storage_failed` where it cannot be read. */
export function readCheckpointFile(path: string): string | null {
  if (!existsSync(path)) return null;
  return storage(path, () => {
    if (statSync(path).size > FILE_BYTES_MAX) throw new Error('it is too large');
    return readFileSync(path, 'utf8');
  });
}

/** Three or more lines, an empty one, signatures, an empty one. */
const WHOLE = /((?:(?!— )[^\n]+\n){3,}\n(?:— [^\n]+\n)+)\n/uy;
/** What a write that was cut short leaves at the end. */
const CUT = /^(?:[^\n]+\n)*[^\n]*$|^(?:[^\n]+\n){3,}\n(?:— [^\n]+\n)*[^\n]*$/u;

/**
 * Reads a file of signed notes, one after another, each followed by an empty line. What is no whole note is named and skipped, so that
 * the notes after it still count.
 */
export function parseCheckpointFile(text: string): FileReading {
  const reading: FileReading = { records: [], damaged: [], wholeBytes: 0 };
  let [at, line] = [0, 1];
  while (at < text.length) {
    const note = wholeNoteAt(text, at);
    const end = note === null ? nextWholeNote(text, at) : at + note.length + 1;
    const part = text.slice(at, end);
    if (note !== null) {
      reading.records.push({ line, note });
      reading.wholeBytes = Buffer.byteLength(text.slice(0, end));
    } else {
      const isCut = end === text.length && CUT.test(part);
      reading.damaged.push({ line, reason: isCut ? CUT_OFF : 'these lines are no signed note' });
    }
    line += part.split('\n').length - 1;
    at = end;
  }
  return reading;
}

function wholeNoteAt(text: string, at: number): string | null {
  WHOLE.lastIndex = at;
  return WHOLE.exec(text)?.[1] ?? null;
}

/** Where the next whole note begins after `at`: behind an empty line. The text's end where there is none. */
function nextWholeNote(text: string, at: number): number {
  for (let gap = text.indexOf('\n\n', at); gap >= 0; gap = text.indexOf('\n\n', gap + 1)) {
    if (wholeNoteAt(text, gap + 2) !== null) return gap + 2;
  }
  return text.length;
}

/**
 * Adds a note and returns once it is on disk. A note that a crash cut off at the end is taken away first: nothing had been told of it.
 * Does nothing where the last note is this one. Throws `storage_failed`.
 */
export function appendCheckpoint(path: string, note: string): void {
  storage(path, () => {
    const isNew = !existsSync(path);
    const file = openSync(path, 'a+', 0o600);
    try {
      const text = readFileSync(file, 'utf8');
      const { records, damaged, wholeBytes } = parseCheckpointFile(text);
      if (records.at(-1)?.note === note && damaged.length === 0) return;
      if (damaged.at(-1)?.reason === CUT_OFF) ftruncateSync(file, wholeBytes);
      const bytes = Buffer.from(`${note}\n`);
      if (writeSync(file, bytes) !== bytes.length) throw new Error('the disk took a part of the note only');
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (isNew) syncFolder(dirname(path));
  });
}

/** Makes a new file's name durable. Windows cannot open folders, and needs none of it. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function storage<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown';
    throw new BursarError('storage_failed', { message: `The file of checkpoints ${path} failed: ${why}`, cause });
  }
}
