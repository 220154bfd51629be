import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../run.ts';

const run = promisify(execFile);
const OUTPUT_MAX = 64 * 1024 * 1024;
const MEMORY_MAX_MB = 6_000;
export const modelPath = join(root, 'docs', 'model', 'payments.pml');

/** The numbers that bound one check; payments.pml says what each is. */
export type Size = {
  servers: number;
  payments: number;
  transfers: number;
  budget: number;
  asks: number;
  fences: number;
  blocks: number;
  reorgs: number;
};

export type Checked = {
  states: number;
  seconds: number;
  /** The property that fails, and the shortest course to it; null if all hold in all states. */
  failure: { property: string; steps: string[] } | null;
  /** Lines of the model's steps that no course took. */
  neverTaken: number[];
};

/**
 * `exhaustive`: all states, depth first. `shortest`: breadth first, to the first failure. `finite`: that no course goes on for ever,
 * so that what is asserted at the ends of courses is reached by each of them.
 */
export type Search = 'exhaustive' | 'shortest' | 'finite';
const options: Record<Search, { compile: string[]; run: string[] }> = {
  exhaustive: { compile: ['-O1', '-DSAFETY'], run: [] },
  shortest: { compile: ['-O0', '-DSAFETY', '-DBFS'], run: [] },
  finite: { compile: ['-O0', '-DNP'], run: ['-l'] },
};

/** Checks the model, or the variant with one mistake. Throws if the checker could not finish. */
export async function checkModel(spin: string, size: Size, search: Search, mistake = 'NONE'): Promise<Checked> {
  const folder = mkdtempSync(join(tmpdir(), 'bursar-model-'));
  const inFolder = { cwd: folder, maxBuffer: OUTPUT_MAX };
  const defines = [
    ...Object.entries(size).map(([name, value]) => `-D${name.toUpperCase()}=${value}`),
    `-DBROKEN=${mistake}`,
  ];
  try {
    await run(spin, ['-a', ...defines, modelPath], inFolder);
    const { compile, run: flags } = options[search];
    await run('gcc', ['-w', ...compile, `-DMEMLIM=${MEMORY_MAX_MB}`, '-o', 'pan', 'pan.c'], inFolder);
    const { stdout } = await run(join(folder, 'pan'), ['-m10000', ...flags], inFolder);
    const found = read(stdout);
    if (found.errors === 0) return { ...found, failure: null };
    const replay = ['-k', 'payments.pml.trail', '-t', ...defines, modelPath];
    return { ...found, failure: failureOf((await run(spin, replay, inFolder)).stdout) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(output: string): Omit<Checked, 'failure'> & { errors: number } {
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const errors = number(/errors: (\d+)/);
  const states = number(/(\d+) states, stored/);
  const isWhole = !/Search not completed|max search depth too small|out of memory/i.test(output);
  if (Number.isNaN(errors) || Number.isNaN(states) || (errors === 0 && !isWhole))
    throw new Error(`The checker did not finish:\n${output.slice(0, 2_000)}`);
  const server = output.split('unreached in proctype server')[1] ?? '';
  const neverTaken = [...server.matchAll(/\.pml:(\d+), state \d+, "printf\('[^\\]/g)].map(([, line]) => Number(line));
  return { errors, states, seconds: number(/elapsed time ([\d.]+)/), neverTaken: [...new Set(neverTaken)] };
}

function failureOf(replay: string): Checked['failure'] {
  const steps = replay
    .split('\n')
    .filter((line) => /^\s*(chain:|server \d)/.test(line))
    .map((line) => line.trim().replace(/:\s+/, ': '));
  return { property: propertyAt(Number(/\.pml:(\d+), Error: assertion violated/.exec(replay)?.[1])), steps };
}

/** The comment of the assertion in that line, or of the macro that it uses. */
function propertyAt(line: number): string {
  const lines = readFileSync(modelPath, 'utf8').split('\n');
  const text = lines[line - 1] ?? '';
  const asserted = text.includes('counts(') ? lines.find((each) => each.startsWith('#define counts(')) : text;
  const comment = /\/\* (.+?) \*\//.exec(asserted ?? '')?.[1];
  if (comment === undefined) throw new Error(`Line ${line} of the model fails and says no property: ${text}`);
  return comment;
}
