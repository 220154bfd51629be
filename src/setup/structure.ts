import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from './run.ts';

/** `npm run structure`: areas, levels of imports, upward imports, cycles, and the files that one decision needs, from the imports. */
const ORDER = [
  'core',
  'store',
  'books',
  'decide',
  'chain',
  'spend',
  'earn',
  'control',
  'api',
  'console',
  'app',
  'setup',
];
const files = execFileSync('git', ['ls-files', 'src'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => /\.tsx?$/.test(path) && !/\.test(-d)?\.tsx?$|\/testing\//.test(path));
const known = new Set(files);
const imports = new Map(files.map((path) => [path, importsOf(path)]));

/** Values and types alike: a reader follows both. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)]
    .map((match) => normalize(join(dirname(path), match[1] ?? '')))
    .filter((target) => known.has(target));
}

const areaOf = (path: string): string => path.split('/')[1] ?? '';
const moduleOf = (path: string): string => path.split('/').slice(1, -1).slice(0, 2).join('/');

function reach(from: string, within: (path: string) => boolean = () => true): Set<string> {
  const seen = new Set([from]);
  for (const path of seen) for (const next of imports.get(path) ?? []) if (within(next)) seen.add(next);
  return seen;
}

/** Longest chain of areas, or of modules; one on a cycle counts once. */
function levels(nameOf: (path: string) => string): number {
  const arrows = new Map<string, Set<string>>();
  for (const [path, targets] of imports) {
    const from = arrows.get(nameOf(path)) ?? new Set();
    for (const target of targets) if (nameOf(target) !== nameOf(path)) from.add(nameOf(target));
    arrows.set(nameOf(path), from);
  }
  const depth = new Map<string, number>();
  const measure = (name: string, open: ReadonlySet<string>): number => {
    const before = depth.get(name);
    if (before !== undefined) return before;
    const below = [...(arrows.get(name) ?? [])].filter((next) => !open.has(next));
    const own = 1 + Math.max(0, ...below.map((next) => measure(next, new Set([...open, name]))));
    depth.set(name, own);
    return own;
  };
  return Math.max(...[...arrows.keys()].map((name) => measure(name, new Set())));
}

/** Files that import themselves by way of others. */
function onCycles(): number {
  return files.filter((path) => (imports.get(path) ?? []).some((next) => reach(next).has(path))).length;
}

const upward = [...imports].flatMap(([path, targets]) =>
  targets
    .filter((target) => ORDER.indexOf(areaOf(target)) > ORDER.indexOf(areaOf(path)))
    .map((target) => `${path} -> ${target}`),
);
const handler = 'src/api/operations/payments/payments.ts';
const gate = 'src/decide/payments/gate.ts';
const decision = 'src/decide/payments/decideGroup.ts';
const lines = [
  ['areas', new Set(files.map(areaOf)).size],
  ['modules', new Set(files.map(moduleOf)).size],
  ['files', files.length],
  ['levels of imports between areas', levels(areaOf)],
  ['levels of imports between modules', levels(moduleOf)],
  ['upward imports', upward.length],
  ['files on a cycle', onCycles()],
  ['files that POST /v1/payments needs', reach(handler).size],
  ['files that the gate needs', reach(gate).size],
  ['of them in src/decide', reach(gate, (path) => areaOf(path) === 'decide').size],
  ['files of src/decide that the decision alone needs', reach(decision, (path) => areaOf(path) === 'decide').size],
  ['files of src/store that it needs', [...reach(decision)].filter((path) => areaOf(path) === 'store').length],
] as const;
for (const [name, value] of lines) console.log(`${String(value).padStart(6)}  ${name}`);
for (const each of upward) console.log(`        upward: ${each}`);
