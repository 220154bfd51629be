import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeCli } from '../src/app/cli/testing/cli.ts';
import { root } from '../src/core/root.ts';
import { type Figure, median, type Say } from './figure.ts';

const ROUNDS = 5;
const IDLE_SECONDS = 20;
/** Linux counts a process's time in ticks; it has been 100 a second on every platform that Node runs on. */
const TICKS_A_SECOND = 100;

/** What a command costs to start, and what a server costs that does nothing. */
export async function start(say: Say): Promise<Figure[]> {
  return [await commandLine(say), ...(await idleServer(say))];
}

async function commandLine(say: Say): Promise<Figure> {
  say(`bursar --version, ${ROUNDS} times after the build; processor time of the process, user and system`);
  const program = join(root, 'src', 'app', 'cli', 'bursar.mjs');
  // Children are counted by the system in their parent once they have ended; bash's times shows them.
  const seconds: number[] = [];
  await promisify(execFile)(process.execPath, [program, '--version']);
  for (let round = 0; round < ROUNDS; round += 1) {
    const { stdout } = await promisify(execFile)('bash', [
      '-c',
      `"$0" "$1" --version >/dev/null; times`,
      process.execPath,
      program,
    ]);
    seconds.push(childSeconds(stdout));
  }
  return {
    figure: 'cli_cpu_seconds',
    ratio: median(seconds),
    goal: '<=0.6',
    numbers: { rounds: ROUNDS, most_s: Math.max(...seconds) },
  };
}

/** The second line of `times`: user and system time of the children, as `0m0.360s 0m0.052s`. */
function childSeconds(text: string): number {
  const [, children = ''] = text.trim().split('\n');
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
}

async function idleServer(say: Say): Promise<Figure[]> {
  if (!existsSync('/proc/self/stat')) {
    say('idle_server_cpu_share is measured on Linux only');
    return [];
  }
  say(`a server with a local chain that nobody asks for anything, ${IDLE_SECONDS} s after 10 s of warming up`);
  const cli = makeCli();
  try {
    const init = await cli.run(['init', '--json']);
    if (init.code !== 0) throw new Error(init.stderr);
    const server = await cli.serve('--port', '0');
    const pid = server.child.pid ?? 0;
    await sleep(10_000);
    const before = ticksOf(pid);
    await sleep(IDLE_SECONDS * 1_000);
    const share = (ticksOf(pid) - before) / TICKS_A_SECOND / IDLE_SECONDS;
    return [{ figure: 'idle_server_cpu_share', ratio: share, goal: '<=0.02', numbers: { seconds: IDLE_SECONDS } }];
  } finally {
    await cli.dispose();
  }
}

/** User and system time of a process: fields 14 and 15 of proc(5) stat, after the name in parentheses. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
