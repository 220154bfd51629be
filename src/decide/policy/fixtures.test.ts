import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { readBundle } from './bundle.ts';
import { readDecision } from './decision.ts';
import { readFixtures } from './fixtures.ts';
import { DECISION_ENTRYPOINT } from './loadPolicy.ts';
import { resolveOpa } from './opa.ts';
import { reasonCatalogue } from './reasons.ts';
import { POLICIES, readBursarSources } from './sources.ts';
import { readStarterBundle } from './starter.ts';
import { WasmPolicy } from './wasm.ts';

const run = promisify(execFile);
const { bundle } = readBundle(await readStarterBundle());
const { amounts: _amounts, ...starterData } = bundle.data;
const fixtures = await readFixtures(starterData);
const wasm = await WasmPolicy.compile(Uint8Array.from(Buffer.from(bundle.wasm, 'base64')), {});

function decideByWasm({ input, data }: { input: object; data: object }): unknown {
  return wasm.withData(data).evaluate(DECISION_ENTRYPOINT, JSON.stringify(input));
}

/** All fixtures in one `opa eval`: a process for each would take a minute. */
async function decideByGo(cases: { input: object; data: Record<string, unknown> }[]): Promise<unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bursar-fixtures-'));
  try {
    const file = join(folder, 'input.json');
    await writeFile(file, JSON.stringify({ fixtures: cases.map(({ input, data }) => ({ input, data })) }));
    const roots = [...new Set(cases.flatMap(({ data }) => Object.keys(data)))];
    // Bound before `with` replaces the input from which they come.
    const bound = roots.map((root) => `${root}_ := f.data.${root}`).join('; ');
    const withs = roots.map((root) => `with data.${root} as ${root}_`).join(' ');
    const query = `[d | some f in input.fixtures; i := f.input; ${bound}; d := data.bursar.decision with input as i ${withs}]`;
    const rego = Object.keys(await readBursarSources()).filter((path) => path.endsWith('.rego'));
    const files = rego.flatMap((path) => ['-d', join(POLICIES, path)]);
    const args = ['eval', '--format', 'json', '--input', file, ...files, query];
    const { stdout } = await run(await resolveOpa(), args, { maxBuffer: 64 * 1024 * 1024 });
    const { result } = JSON.parse(stdout) as { result: { expressions: { value: unknown[] }[] }[] };
    return result[0]?.expressions[0]?.value ?? [];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('every fixture', () => {
  let byGo: unknown[];
  beforeAll(async () => {
    byGo = await decideByGo(fixtures);
  }, 900_000);

  it.each(fixtures.map((fixture, index) => ({ ...fixture, index })))('$name', (fixture) => {
    const byWasm = decideByWasm(fixture);
    expect(byWasm).toEqual(byGo[fixture.index]);
    const decision = readDecision(byWasm);
    expect(decision).toMatchObject({ effect: fixture.effect });
    expect(decision?.reasons.map((reason) => reason.code)).toEqual(fixture.codes);
  });

  it('names figures in its sentences, never an unknown amount', () => {
    for (const fixture of fixtures) {
      const decision = readDecision(decideByWasm(fixture));
      for (const reason of decision?.reasons ?? []) {
        expect(reason.message, fixture.name).not.toMatch(/unknown amount|undefined|null|NaN/);
      }
    }
  });

  it('between them, the fixtures show every code that a control can give', () => {
    const shown = new Set(fixtures.flatMap((fixture) => fixture.codes));
    const failures = ['policy_error', 'policy_undefined', 'policy_malformed', 'policy_timeout', 'input_incomplete'];
    expect([...shown, ...failures].sort()).toEqual(Object.keys(reasonCatalogue).sort());
  });
});

/** A copy that has lost one member, the `pick`-th of all members at any depth. */
function withoutOne(document: object, pick: number): object {
  const copy = structuredClone(document);
  const members: [Record<string, unknown>, string][] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value))
      for (const key of Object.keys(value)) members.push([value as Record<string, unknown>, key]);
    Object.values(value).forEach(visit);
  };
  visit(copy);
  const [holder, key] = members[pick % members.length] ?? [{}, ''];
  delete holder[key];
  return copy;
}

describe('broken inputs', () => {
  it('are decided alike by Go OPA and the WASM, whichever field is lost', async () => {
    // 7 and 31 have no factor in common with the number of members, so the picks go round all of them.
    const cases = fixtures.flatMap(({ input, data }, index) =>
      Array.from({ length: 5 }, (_, pick) => ({ input: withoutOne(input, index * 31 + pick * 7), data })),
    );
    const byGo = await decideByGo(cases);
    expect(byGo).toHaveLength(cases.length);
    expect(cases.map(decideByWasm)).toEqual(byGo);
  }, 120_000);
});

describe('codes', () => {
  it('in the Rego and in the catalogue are the same', async () => {
    const sources = Object.values(await readBursarSources()).join('\n');
    const literals = [
      ...sources.matchAll(/"code": "(\w+)"/g),
      ...sources.matchAll(/_(?:review|refused)\("(\w+)"/g),
    ].map(([, code]) => code);
    const ofTheHost = ['policy_error', 'policy_undefined', 'policy_malformed', 'policy_timeout'];
    expect([...new Set([...literals, ...ofTheHost])].sort()).toEqual(Object.keys(reasonCatalogue).sort());
  });
});
