import { describe, expect, it } from 'vitest';
import { readBundle } from './bundle.ts';
import { readFixtures } from './fixtures.ts';
import { DECISION_ENTRYPOINT } from './loadPolicy.ts';
import { readStarterBundle } from './starter.ts';
import { WasmPolicy } from './wasm.ts';

const { bundle } = readBundle(await readStarterBundle());
const { amounts: _amounts, ...starterData } = bundle.data;
const refused = (await readFixtures(starterData)).filter(({ effect }) => effect !== 'allow');
const wasm = await WasmPolicy.compile(Uint8Array.from(Buffer.from(bundle.wasm, 'base64')), {});

type Path = (string | number)[];

/** The path of everything in a document: members of objects, and elements of arrays. */
function pathsOf(value: unknown, at: Path = []): Path[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => [[...at, index], ...pathsOf(each, [...at, index])]);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [[...at, key], ...pathsOf(each, [...at, key])]);
}

function without(document: object, path: Path): object {
  return edited(document, path, (holder, last) => {
    if (Array.isArray(holder)) holder.splice(Number(last), 1);
    else delete holder[last];
  });
}

function withValue(document: object, path: Path, value: unknown): object {
  return edited(document, path, (holder, last) => {
    holder[last as never] = value as never;
  });
}

function edited(
  document: object,
  path: Path,
  edit: (holder: Record<string, unknown> | unknown[], last: string) => void,
): object {
  const copy = structuredClone(document) as Record<string, unknown>;
  let holder: Record<string, unknown> = copy;
  for (const step of path.slice(0, -1)) holder = holder[step] as Record<string, unknown>;
  edit(holder, String(path.at(-1)));
  return copy;
}

function effectOf(policy: WasmPolicy, input: object): unknown {
  const decision = policy.evaluate(DECISION_ENTRYPOINT, JSON.stringify(input));
  return typeof decision === 'object' && decision !== null && 'effect' in decision ? decision.effect : 'none';
}

/** An agent without a label is not an agent with a label lost: which labels there are is a fact, not a field. */
const isFact = (path: Path): boolean => path[1] === 'labels' && path.length > 2;

/** Elements of these lists are statements of the policy: who takes one out says something else. */
const statements = new Set(['required', 'layers', 'overrides', 'blocked', 'thresholds']);
const isStatement = (path: Path): boolean =>
  typeof path.at(-1) === 'number' && path.slice(0, -1).some((step) => statements.has(String(step)));

/** The compiler's table of amounts: without an entry the same amount is computed (money.test.ts). */
const isWorkedOut = (path: Path): boolean => path[0] === 'amounts' && path.length > 1;

describe('what is refused stays refused', () => {
  it('has refusals of each control to try', () => {
    expect(refused.length).toBeGreaterThan(50);
  });

  it.each(refused)('when a field of the input is lost: $name', ({ input, data }) => {
    const policy = wasm.withData(data);
    const paths = pathsOf(input).filter((path) => !isFact(path));
    expect(paths.length).toBeGreaterThan(60);
    const opened = paths.filter((path) => effectOf(policy, without(input, path)) === 'allow');
    expect(opened.map((path) => path.join('.'))).toEqual([]);
  });

  it.each(refused)('when a field of the data is lost: $name', ({ input, data }) => {
    const paths = pathsOf(data).filter((path) => !isStatement(path) && !isWorkedOut(path));
    expect(paths.length).toBeGreaterThan(80);
    const opened = paths.filter((path) => effectOf(wasm.withData(without(data, path)), input) === 'allow');
    expect(opened.map((path) => path.join('.'))).toEqual([]);
  });

  it.each(refused)('when a value of the data is null, or a number is quoted: $name', ({ input, data }) => {
    const paths = pathsOf(data).filter((path) => !isWorkedOut(path));
    const quoted = paths.filter((path) => typeof valueAt(data, path) === 'number');
    const mutants: [Path, unknown][] = [
      ...paths.filter((path) => !isStatement(path)).map((path): [Path, unknown] => [path, null]),
      ...quoted.map((path): [Path, unknown] => [path, String(valueAt(data, path))]),
    ];
    const opened = mutants.filter(
      ([path, value]) => effectOf(wasm.withData(withValue(data, path, value)), input) === 'allow',
    );
    expect(opened.map(([path]) => path.join('.'))).toEqual([]);
  });
});

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce((at, step) => (at as Record<string, unknown>)[step], document);
}
