import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** `bursar gateway` with these arguments, as a process of its own; its seller has this key. */
export async function startGateway(args: string[], key: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const main = fileURLToPath(new URL('../../src/app/cli/bursar.mjs', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [main, '--json', 'gateway', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BURSAR_API_KEY: key },
  });
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('The command has no output.');
  let heard = '';
  let wrong = '';
  stderr.on('data', (chunk: Buffer) => {
    wrong += chunk.toString();
  });
  for await (const line of createInterface({ input: stdout })) {
    heard += line;
    try {
      const document = JSON.parse(heard) as { url?: string };
      if (document.url === undefined) break;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      return {
        url: document.url,
        stop: async () => {
          child.kill('SIGTERM');
          await ended;
        },
      };
    } catch {
      // The document spans lines.
    }
  }
  throw new Error(`The gateway did not start: ${heard} ${wrong}`);
}
