import { Ajv, type ErrorObject } from 'ajv';
import { parseUsdc } from '../../core/money/microUsdc.ts';
import { firstTextProblem } from '../../core/text/text.ts';
import { controlNames, controlSchema, isRecord, type JsonSchema, regoFileOf, schemaFileOf } from './controlSchema.ts';
import { failure, type PolicySources } from './sources.ts';

export type SettingProblem = { path: PropertyKey[]; message: string };

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, strictTypes: false, verbose: false });
ajv.addFormat('usdc', { type: 'string', validate: isUsdc });

/**
 * Checks `controls` of the data against the schema of each control. A control that reads its settings must have a schema; settings
 * of an unknown control, or of one without a schema, are a problem too. Throws `policy_compile_failed` for a bad schema.
 */
export function settingProblem(sources: PolicySources, data: Record<string, unknown>): SettingProblem | null {
  // Lists are compared with names of payees and agents, which are in NFC and have no invisible characters.
  const unfit = firstTextProblem(data, {}) ?? notNfc(data, []);
  if (unfit) return unfit;
  const controls = isRecord(data.controls) ? data.controls : {};
  const names = controlNames(sources);
  const stray = Object.keys(controls).find((name) => !names.includes(name));
  if (stray !== undefined) {
    return { path: ['controls', stray], message: `there is no control of that name (${regoFileOf(stray)})` };
  }
  for (const name of names) {
    const found = controlSchema(sources, name);
    const settings = controls[name];
    if (found === null) {
      const line = lineThatReadsData(sources[regoFileOf(name)] ?? '');
      if (line !== null) {
        const message = `The control reads data.controls, and there is no schema of its settings (${schemaFileOf(name)}).`;
        throw failure(message, regoFileOf(name), line);
      }
      if (settings !== undefined) return { path: ['controls', name], message: 'the control has no settings' };
    } else if (settings !== undefined) {
      const problem = mismatch(found.schema, settings, { file: found.file, line: found.line });
      if (problem) return { path: ['controls', name, ...problem.path], message: problem.message };
    }
  }
  return wholeNumbers(controls, ['controls']);
}

/** `data.controls`, `data["controls"]`, or `data` as a whole. Comments do not count. */
function lineThatReadsData(rego: string): number | null {
  const lines = rego.split('\n').map((line) => line.replace(/^\s*#.*$/, ''));
  const index = lines.findIndex((line) =>
    /\bdata\b(?!\s*\.\s*(bursar|settings)\b)/.test(line.replace(/"[^"]*"/g, '""')),
  );
  return index < 0 ? null : index + 1;
}

function mismatch(schema: JsonSchema, value: unknown, place: { file: string; line: number }): SettingProblem | null {
  const { $schema: _, ...plain } = schema;
  let validate: ReturnType<typeof ajv.compile>;
  try {
    validate = ajv.compile(plain);
  } catch (cause) {
    throw failure(cause instanceof Error ? cause.message : 'is not a JSON Schema', place.file, place.line, cause);
  }
  if (validate(value)) return null;
  const errors = validate.errors ?? [];
  // For a choice, the errors of the intended branch are clearer than "none matches".
  const rank = ({ keyword, instancePath }: ErrorObject): number =>
    instancePath.length * 2 + (keyword === 'additionalProperties' ? 1 : 0);
  const [error] = [...errors].sort((a, b) => rank(b) - rank(a));
  return error ? { path: pathOf(error), message: messageOf(error) } : { path: [], message: 'is not valid' };
}

function pathOf({ instancePath, params }: ErrorObject): PropertyKey[] {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const extra = (params as { additionalProperty?: string }).additionalProperty;
  const steps = path.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return extra === undefined ? steps : [...steps, extra];
}

function messageOf({ keyword, params, message }: ErrorObject): string {
  if (keyword === 'additionalProperties') return 'unknown setting';
  if (keyword === 'required') return `${(params as { missingProperty: string }).missingProperty} is missing`;
  if (keyword === 'enum') return `must be one of ${(params as { allowedValues: unknown[] }).allowedValues.join(', ')}`;
  if (keyword === 'format') return 'is not an amount of USDC in quotes, as "25.00"';
  return message ?? 'is not valid';
}

/** Rego compares numbers of any kind, but every number here is a count, a percentage or an hour. */
function wholeNumbers(value: unknown, path: PropertyKey[]): SettingProblem | null {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return { path, message: 'is not a whole number' };
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, each] of Object.entries(value)) {
    const problem = wholeNumbers(each, [...path, Array.isArray(value) ? Number(key) : key]);
    if (problem) return problem;
  }
  return null;
}

function notNfc(value: unknown, path: PropertyKey[]): SettingProblem | null {
  if (typeof value === 'string') return value === value.normalize('NFC') ? null : { path, message: 'is not in NFC' };
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, member] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    const problem = notNfc(key, at) ?? notNfc(member, at);
    if (problem) return problem;
  }
  return null;
}

function isUsdc(text: string): boolean {
  try {
    return parseUsdc(text) >= 0n;
  } catch {
    return false;
  }
}
