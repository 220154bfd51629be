import { parse } from 'yaml';
import { readJson } from '../../core/text/json.ts';
import { placesIn } from './places.ts';
import { failure, type PolicySources } from './sources.ts';

export type JsonSchema = Record<string, unknown>;
export type ControlSchema = { schema: JsonSchema; file: string; line: number };

const MAX_SCHEMA_CHARS = 64 * 1024;
const SELECTORS = ['agent', 'sponsor', 'workflow'];

export const regoFileOf = (name: string): string => `controls/${name}/${name}.rego`;
export const schemaFileOf = (name: string): string => `controls/${name}/schema.json`;

/** The names of the controls in a set of sources. */
export function controlNames(sources: PolicySources): string[] {
  const names = Object.keys(sources).map((path) => /^controls\/([a-z0-9_]+)\/\1\.rego$/.exec(path)?.[1]);
  return names.filter((name) => name !== undefined).sort();
}

/**
 * The JSON Schema (draft 7) of a control's settings: `schema.json` beside it, or under `schemas` in the metadata comment of its
 * package. Null: it has none, so it may read no settings. Throws `policy_compile_failed` for a schema that permits mistakes.
 */
export function controlSchema(sources: PolicySources, name: string): ControlSchema | null {
  const [rego = '', file] = [sources[regoFileOf(name)], sources[schemaFileOf(name)]];
  const inline = inlineSchema(rego, name);
  if (file === undefined && inline === null) return null;
  if (file !== undefined && inline !== null) {
    throw failure('The settings have a schema here and in schema.json; one of them is enough.', regoFileOf(name));
  }
  const found = inline ?? fromFile(file ?? '', name);
  const schema = expanded(found.schema);
  const problem = problemOf(schema, []);
  if (problem) {
    const line = inline ? inline.line : placesIn(file ?? '').lineOf(problem.path);
    throw failure(`${problem.path.join('.') || 'the schema'}: ${problem.message}`, found.file, line);
  }
  return { ...found, schema };
}

/** One schema of `data.controls`: every control's settings by name, and nothing else. */
export function controlsSchema(sources: PolicySources): JsonSchema {
  const properties: Record<string, unknown> = {};
  for (const name of controlNames(sources)) {
    const found = controlSchema(sources, name);
    if (found) properties[name] = found.schema;
  }
  return { type: 'object', properties, additionalProperties: false };
}

function fromFile(text: string, name: string): ControlSchema {
  const file = schemaFileOf(name);
  if (text.length > MAX_SCHEMA_CHARS) throw failure(`The file is longer than ${MAX_SCHEMA_CHARS} characters.`, file);
  try {
    const schema = readJson(text);
    if (isRecord(schema)) return { schema, file, line: 1 };
  } catch (cause) {
    throw failure(cause instanceof Error ? cause.message : 'is not JSON', file, placesIn(text).broken?.line, cause);
  }
  throw failure('A JSON Schema is an object.', file, 1);
}

/** `# schemas:` of the METADATA comment above `package`: an entry `data.controls.<name>: {…}`. */
function inlineSchema(rego: string, name: string): ControlSchema | null {
  const lines = rego.split('\n');
  const end = lines.findIndex((line) => line.startsWith('package '));
  const start = lines.slice(0, Math.max(end, 0)).lastIndexOf('# METADATA');
  if (start < 0) return null;
  const comment = lines.slice(start + 1, end).map((line) => line.replace(/^# ?/, ''));
  let metadata: unknown;
  try {
    metadata = parse(comment.join('\n'), { maxAliasCount: 0 });
  } catch {
    // The compiler reports the fault in the comment.
    return null;
  }
  const entries = isRecord(metadata) && Array.isArray(metadata.schemas) ? (metadata.schemas as unknown[]) : [];
  const entry = entries.find((each) => isRecord(each) && `data.controls.${name}` in each);
  const schema = isRecord(entry) ? entry[`data.controls.${name}`] : undefined;
  if (!isRecord(schema)) return null;
  return { schema, file: regoFileOf(name), line: start + 2 + comment.findIndex((line) => line.startsWith('schemas')) };
}

/**
 * `overrides: {"overrides_of": "limit"}` is replaced by the schema of the list that `layers.pick` reads, with the schema of
 * `limit`.
 */
function expanded(schema: JsonSchema): JsonSchema {
  const properties = isRecord(schema.properties) ? schema.properties : null;
  const overrides = properties && isRecord(properties.overrides) ? properties.overrides : null;
  const key = overrides?.overrides_of;
  if (!properties || typeof key !== 'string' || !isRecord(properties[key])) return schema;
  const entry = (selector: string, value: unknown): JsonSchema => ({
    type: 'object',
    properties: { [selector]: value, [key]: properties[key] },
    required: [selector, key],
    additionalProperties: false,
  });
  const name = { type: 'string', minLength: 1, maxLength: 200 };
  const label = { type: 'object', minProperties: 1, maxProperties: 1, additionalProperties: name };
  const anyOf = [...SELECTORS.map((selector) => entry(selector, name)), entry('label', label)];
  return { ...schema, properties: { ...properties, overrides: { type: 'array', maxItems: 1000, items: { anyOf } } } };
}

type Problem = { path: PropertyKey[]; message: string };

/**
 * Finds forms that accept a misspelt or missing setting: an open object, an optional property (a rule that reads it would silently
 * be undefined), or a number that need not be whole.
 */
function problemOf(schema: unknown, path: PropertyKey[]): Problem | null {
  const at = (message: string): Problem => ({ path, message });
  if (!isRecord(schema)) return at('is not a schema');
  if (path.length === 0 && schema.type !== 'object') return at('the settings are an object: "type": "object"');
  if ('$ref' in schema) return at('$ref is not supported: write the schema out');
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  if (types.includes('number')) return at('a figure is whole: "integer", or an amount as text');
  if (types.every((type) => type === undefined) && !('anyOf' in schema || 'enum' in schema || 'const' in schema)) {
    return at('says no type');
  }
  if (types.includes('array') && schema.items === undefined) return at('says not what its items are');
  if (isRecord(schema.properties) || types.includes('object')) {
    const problem = objectProblem(schema, path);
    if (problem) return problem;
  }
  return (
    (schema.items === undefined ? null : problemOf(schema.items, [...path, 'items'])) ??
    firstProblem(schema.anyOf, [...path, 'anyOf'])
  );
}

function objectProblem(schema: JsonSchema, path: PropertyKey[]): Problem | null {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const rest = schema.additionalProperties;
  if (isRecord(rest) && Object.keys(properties).length === 0) {
    return problemOf(rest, [...path, 'additionalProperties']);
  }
  if (rest !== false)
    return { path, message: 'must say "additionalProperties": false, so that a misspelt setting is found' };
  const required = Array.isArray(schema.required) ? (schema.required as unknown[]) : [];
  const open = Object.keys(properties).find((key) => !required.includes(key));
  if (open !== undefined) {
    return { path: [...path, 'properties', open], message: 'must be in "required": a rule is undefined without it' };
  }
  const strange = required.find((key) => typeof key !== 'string' || !(key in properties));
  if (strange !== undefined) return { path: [...path, 'required'], message: `${strange} is not one of the properties` };
  for (const [key, value] of Object.entries(properties)) {
    const problem = problemOf(value, [...path, 'properties', key]);
    if (problem) return problem;
  }
  return null;
}

function firstProblem(schemas: unknown, path: PropertyKey[]): Problem | null {
  if (!Array.isArray(schemas)) return null;
  for (const [index, each] of schemas.entries()) {
    const problem = problemOf(each, [...path, index]);
    if (problem) return problem;
  }
  return null;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
