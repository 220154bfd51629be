import { z } from 'zod';
import { schemaFileOf } from './controlSchema.ts';
import { controlSettings, PolicyData, SettingsData } from './data.ts';
import { PolicyInput } from './input.ts';

/**
 * JSON Schemas made from the zod schemas, by path under policies/: `input.json` makes a misspelt input field a compile error
 * (`opa check --schema`), `settings.json` and `schema.json` beside each control a misspelt setting; `data.json` helps editors of
 * data.yaml. Draft 7 is the newest that opa reads.
 */
export function policySchemas(): Record<string, string> {
  return {
    'schemas/input.json': textOf(PolicyInput),
    'schemas/data.json': textOf(PolicyData),
    'schemas/settings.json': textOf(SettingsData),
    ...Object.fromEntries(controlSettings().map(([name, schema]) => [schemaFileOf(name), textOf(schema)])),
  };
}

function textOf(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { target: 'draft-7' }), null, 2)}\n`;
}
