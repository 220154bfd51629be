import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { withAmounts } from './bundle.ts';
import type { Effect } from './decision.ts';
import { PolicyInput } from './input.ts';
import { POLICIES } from './sources.ts';

/**
 * One scenario (a line) of a fixtures.jsonl: its differences, by dotted path, from policies/fixtures/base.json and from the data.
 */
const Scenario = z.strictObject({
  scenario: z.string(),
  input: z.record(z.string(), z.json()),
  data: z.record(z.string(), z.json()),
  effect: z.enum(['allow', 'deny', 'review']),
  codes: z.array(z.string()).min(1),
});

export type Fixture = {
  name: string;
  input: PolicyInput;
  data: Record<string, unknown>;
  effect: Effect;
  codes: string[];
};

/** Every fixture under policies/, completed with the given data (the parsed data.yaml). */
export async function readFixtures(data: Record<string, unknown>): Promise<Fixture[]> {
  const base: unknown = JSON.parse(await readFile(join(POLICIES, 'fixtures', 'base.json'), 'utf8'));
  const paths = (await readdir(POLICIES, { recursive: true })).filter((path) => path.endsWith('fixtures.jsonl')).sort();
  const fixtures: Fixture[] = [];
  for (const path of paths) {
    const lines = (await readFile(join(POLICIES, path), 'utf8')).split('\n').filter((line) => line !== '');
    for (const line of lines) {
      const scenario = Scenario.parse(JSON.parse(line));
      fixtures.push({
        name: `${path.replace(/.fixtures\.jsonl$/, '')}: ${scenario.scenario}`,
        input: PolicyInput.parse(changed(base, scenario.input)),
        data: withAmounts(changed(data, scenario.data)),
        effect: scenario.effect,
        codes: scenario.codes,
      });
    }
  }
  return fixtures;
}

/** Copies a document and replaces the value at each dotted path. */
function changed(whole: unknown, changes: Record<string, unknown>): Record<string, unknown> {
  const copy = structuredClone(whole) as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split('.');
    const last = steps.pop() ?? '';
    let at = copy;
    for (const step of steps) at = at[step] as Record<string, unknown>;
    at[last] = value;
  }
  return copy;
}
