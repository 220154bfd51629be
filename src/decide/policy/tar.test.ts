import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fileOfTarGz } from './tar.ts';

function entry(name: string, body: string, size = body.length): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(size.toString(8).padStart(11, '0'), 124);
  const padded = Buffer.alloc(Math.ceil(body.length / 512) * 512);
  padded.write(body);
  return Buffer.concat([header, padded]);
}
const archive = (...entries: Buffer[]): Buffer => gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
const textOf = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString();

describe('fileOfTarGz', () => {
  it('finds a file by its exact name, wherever it stands', () => {
    const tar = archive(entry('/data.json', '{}'), entry('/empty', ''), entry('/policy.wasm', 'x'.repeat(700)));
    expect(textOf(fileOfTarGz(tar, '/policy.wasm'))).toBe('x'.repeat(700));
    expect(textOf(fileOfTarGz(tar, '/empty'))).toBe('');
    expect(fileOfTarGz(tar, 'policy.wasm')).toBeNull();
  });

  it('refuses an archive that is cut short or has a broken size', () => {
    expect(() => fileOfTarGz(archive(entry('/a', 'x', 9_999)), '/a')).toThrow(
      expect.objectContaining({ code: 'invariant_violated' }),
    );
    const broken = entry('/a', 'x');
    broken.write('zzzzzzzzzzz', 124);
    expect(() => fileOfTarGz(archive(broken), '/b')).toThrow(expect.objectContaining({ code: 'invariant_violated' }));
  });
});
