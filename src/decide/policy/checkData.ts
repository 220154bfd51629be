import { DATA_FILE, parseData } from './bundle.ts';
import { controlSchema } from './controlSchema.ts';
import { settingProblem } from './controlSettings.ts';
import { controlsInUse, PolicyData } from './data.ts';
import { placesIn } from './places.ts';
import { failure, type PolicySources } from './sources.ts';

/**
 * Reads and checks data.yaml: its form, and that the required controls exist and have their settings. Throws
 * `policy_compile_failed` with the line.
 */
export function checkData(sources: PolicySources): Record<string, unknown> {
  const { broken, lineOf } = placesIn(sources[DATA_FILE] ?? '');
  if (broken) throw failure(broken.message, DATA_FILE, broken.line);
  const data = parseData(sources[DATA_FILE] ?? '');
  if (data === null) throw failure('is not a mapping, or uses aliases', DATA_FILE);
  const parsed = PolicyData.safeParse(data);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path ?? [];
    throw failure(`${path.join('.') || 'the file'}: ${issue?.message ?? 'is not valid'}`, DATA_FILE, lineOf(path));
  }
  const problem = settingProblem(sources, data);
  if (problem) {
    throw failure(`${problem.path.join('.')}: ${problem.message}`, DATA_FILE, lineOf(problem.path));
  }
  for (const name of controlsInUse(parsed.data)) {
    const path = `controls/${name}/${name}.rego`;
    if (sources[path] === undefined) throw failure(`requires the control ${name}, but there is no ${path}`, DATA_FILE);
    // agent_active has no settings; the other controls would deny, or let payments through, without theirs.
    if (controlSchema(sources, name) && parsed.data.controls[name as keyof typeof parsed.data.controls] === undefined) {
      throw failure(`requires the control ${name}, but has no settings for it under controls.${name}`, DATA_FILE);
    }
  }
  return data;
}
