import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { allVariables } from '../../../core/environment/environment.ts';
import { root } from '../../../core/root.ts';
import { isBuilt } from './folder.ts';

export type Built = { ok: true } | { ok: false; problem: string };

/** Longer than any build takes; a hung one is ended. */
const BUILD_MS = 180_000;
const PROBLEM_CHARS = 2_000;
let running: Promise<Built> | null = null;

/**
 * Builds the console if it was not built from these sources: in a separate process with low priority, so that payments come first.
 * At most one build runs. Never throws: Bursar works without a console.
 */
export function ensureBuilt(): Promise<Built> {
  if (running !== null) return running;
  if (isBuilt()) return Promise.resolve({ ok: true });
  running = runBuild().finally(() => {
    running = null;
  });
  return running;
}

function runBuild(): Promise<Built> {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(root, 'src', 'api', 'http', 'console', 'build.ts')],
      {
        cwd: root,
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: BUILD_MS,
        env: { ...allVariables(), NODE_ENV: 'production' },
      },
    );
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-PROBLEM_CHARS);
    });
    if (child.pid !== undefined) {
      try {
        setPriority(child.pid, constants.priority.PRIORITY_LOW);
      } catch {
        // It may have ended already, or the system may not permit this: the build continues either way.
      }
    }
    // A stopping server does not wait for the build.
    child.unref();
    child.once('error', (error) => resolve({ ok: false, problem: error.message }));
    child.once('close', (code) => resolve(code === 0 ? { ok: true } : { ok: false, problem: said || `exit ${code}` }));
  });
}
