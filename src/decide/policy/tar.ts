import { gunzipSync } from 'node:zlib';
import { invariant } from '../../core/errors/base.ts';

const BLOCK = 512;

/** Returns one file of a .tar.gz by its exact name; null if there is none. Supports only the output of `opa build` (ustar). */
export function fileOfTarGz(archive: Uint8Array, name: string): Uint8Array | null {
  const tar = gunzipSync(archive);
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return null;
    const size = Number.parseInt(fieldOf(header, 124, 12), 8);
    invariant(Number.isSafeInteger(size) && size >= 0, 'The archive has a broken header.');
    const body = at + BLOCK;
    invariant(body + size <= tar.length, 'The archive is cut short.');
    if (fieldOf(header, 0, 100) === name) return tar.subarray(body, body + size);
    at = body + Math.ceil(size / BLOCK) * BLOCK;
  }
  return null;
}

function fieldOf(header: Uint8Array, from: number, length: number): string {
  const text = Buffer.from(header.subarray(from, from + length)).toString('utf8');
  const end = text.indexOf('\0');
  return (end === -1 ? text : text.slice(0, end)).trim();
}
