import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CHUNK = 65_536;

/** A small disk of its own for a server, which no other process sees: a tmpfs in a user and mount namespace (Linux). */
export type SmallDisk = {
  /** The path for this process, and the one for a process that is started with `prefix`. */
  path: string;
  asServer: string;
  /** Runs a command where the disk is. */
  prefix: readonly string[];
  /** Takes all space but so many bytes. */
  fill(spare: number): void;
  free(): void;
  /** Only while nobody has a file open for writing. */
  setReadOnly(isReadOnly: boolean): Promise<void>;
  close(): Promise<void>;
};

export async function openSmallDisk(megabytes: number): Promise<SmallDisk> {
  const mountPoint = mkdtempSync(join(tmpdir(), 'bursar-disk-'));
  const script = `mount -t tmpfs -o size=${megabytes}m tmpfs "$0" && echo ready && exec sleep infinity`;
  const holder: ChildProcess = spawn(
    'unshare',
    ['--user', '--map-root-user', '--mount', 'sh', '-c', script, mountPoint],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [said] = (await Promise.race([
    once(holder.stdout as NodeJS.ReadableStream, 'data'),
    once(holder, 'close').then(() => ['']),
  ])) as [unknown];
  if (!String(said).includes('ready')) throw new Error('A user namespace with a tmpfs cannot be made here.');
  const pid = String(holder.pid);
  const prefix = ['nsenter', '--preserve-credentials', '--target', pid, '--user', '--mount'];
  const path = `/proc/${pid}/root${mountPoint}`;
  const ballast = join(path, 'ballast');
  return {
    path,
    asServer: mountPoint,
    prefix,
    fill: (spare) => {
      const file = openSync(ballast, 'w');
      const chunk = Buffer.alloc(CHUNK);
      let written = 0;
      try {
        for (let size = CHUNK; size >= 4_096; size /= 2) {
          try {
            for (;;) written += writeSync(file, chunk, 0, size);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          }
        }
        ftruncateSync(file, Math.max(0, written - spare));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    setReadOnly: async (isReadOnly) => {
      const [command = '', ...args] = prefix;
      await run(command, [...args, 'mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, mountPoint]);
    },
    close: async () => {
      const closed = once(holder, 'close');
      holder.kill('SIGKILL');
      await closed;
      rmSync(mountPoint, { recursive: true, force: true });
    },
  };
}
