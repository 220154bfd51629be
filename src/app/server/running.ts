import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { DataDir } from './config.ts';

/** `server.json` in the data directory, while a server runs on it: the CLI finds the server and its chain there. */
const Running = z.object({
  pid: z.int().positive(),
  url: z.url(),
  /** The local chain has another port at each start. */
  rpc_url: z.url(),
});
export type Running = z.infer<typeof Running>;

const fileOf = (dataDir: DataDir): string => join(dataDir.dir, 'server.json');

export function writeRunning(dataDir: DataDir, running: Running): void {
  const draft = `${fileOf(dataDir)}.new`;
  writeFileSync(draft, `${JSON.stringify(running, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, fileOf(dataDir));
}

/** Null if no server runs here; a file left by a killed server is ignored. */
export function readRunning(dataDir: DataDir): Running | null {
  try {
    const running = Running.parse(JSON.parse(readFileSync(fileOf(dataDir), 'utf8')));
    process.kill(running.pid, 0);
    return running;
  } catch {
    return null;
  }
}

export function clearRunning(dataDir: DataDir): void {
  rmSync(fileOf(dataDir), { force: true });
}
