import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bundle } from '../src/decide/policy/bundle.ts';
import { resolveOpa } from '../src/decide/policy/opa.ts';

export type OpaServer = { port: number; stop: () => Promise<void> };

const START_LIMIT_MS = 20_000;

/** `opa run --server` on a free port of 127.0.0.1 with the Rego and the data that a bundle was compiled from. */
export async function startOpaServer(folder: string, bundle: Bundle): Promise<OpaServer> {
  const opa = await resolveOpa();
  for (const [path, text] of Object.entries(bundle.files)) {
    if (!path.endsWith('.rego') || path.endsWith('_test.rego')) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await writeFile(join(folder, 'data.json'), JSON.stringify(bundle.data));
  const port = await freePort();
  const args = ['run', '--server', '--disable-telemetry', '--log-level', 'error', '--addr', `127.0.0.1:${port}`, '.'];
  const child = spawn(opa, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (part: Buffer) => {
    said = `${said}${part.toString()}`.slice(-2_000);
  });
  const stop = (): Promise<void> => end(child);
  const startedAt = performance.now();
  while (!(await isHealthy(port))) {
    if (child.exitCode !== null || performance.now() - startedAt > START_LIMIT_MS) {
      await stop();
      throw new Error(`The OPA server did not start: ${said}`);
    }
    await sleep(50);
  }
  return { port, stop };
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).ok;
  } catch {
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return address.port;
}
