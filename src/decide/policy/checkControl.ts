import { type ControlSchema, isRecord, regoFileOf } from './controlSchema.ts';
import { failure } from './sources.ts';

/** A node of `opa parse --format json --json-include locations`. */
type Node = { type: string; value: unknown; location?: { row: number } };

/** The parts of the data that a control may read; any other reference is a mistake that Rego would evaluate to undefined. */
const DATA = ['bursar', 'controls', 'settings', 'required', 'layers', 'review', 'revenue', 'amounts'];
const EFFECTS = ['pass', 'review', 'deny'];

/**
 * Checks an operator's control for faults that the compiler cannot know: a setting that its schema lacks, also as the key of
 * `layers.pick` and `object.get`; settings passed on as a whole, which no check can follow; an invalid effect or value. Throws
 * `policy_compile_failed` with file and line.
 */
export function checkControl(name: string, tree: unknown, schemaOf: (control: string) => ControlSchema | null): void {
  const file = regoFileOf(name);
  const refuse = (node: Node, message: string): never => {
    throw failure(message, file, node.location?.row);
  };
  const { aliases, layers, allowed } = namesOf(tree);

  /** The control whose settings a term is or belongs to, and the path from there. */
  function settingsOf(node: unknown): { control: string; steps: Node[] } | null {
    if (isVar(node)) return aliases.has(node.value) ? { control: aliases.get(node.value) ?? '', steps: [] } : null;
    const terms = termsOf(node);
    const [head] = terms;
    if (head && isVar(head) && aliases.has(head.value)) {
      return { control: aliases.get(head.value) ?? '', steps: terms.slice(1) };
    }
    const control = terms[2];
    if (!isPath(terms, ['data', 'controls']) || !control) return null;
    return isText(control) ? { control: control.value, steps: terms.slice(3) } : null;
  }

  function checkKey(control: string, key: Node | undefined, at: Node): void {
    if (!key || !isText(key)) refuse(at, `A setting is read by its name: data.controls.${control}.<name>.`);
    const properties = schemaOf(control)?.schema.properties;
    const known = isRecord(properties) ? Object.keys(properties) : [];
    if (known.includes(String(key?.value))) return;
    refuse(
      at,
      `data.controls.${control}.${key?.value}: there is no such setting (${known.join(', ') || 'it has none'}).`,
    );
  }

  function checkCall(terms: readonly unknown[]): void {
    const [operator, settings, key] = terms as [unknown, Node | undefined, Node | undefined];
    const path = termsOf(operator);
    const [head, last] = path;
    const isPick =
      isPath(path, ['data', 'bursar', 'layers', 'pick']) ||
      (path.length === 2 && isVar(head) && layers.has(head.value) && isText(last) && last.value === 'pick');
    const isGet = isPath(path, ['object', 'get']);
    if (!settings || !key || (!isPick && !isGet)) return;
    const found = settingsOf(settings);
    if (found && found.steps.length === 0) {
      const first = key.type === 'array' ? (key.value as Node[])[0] : key;
      checkKey(found.control, first, key);
      allowed.add(settings);
    } else if (isPick) {
      refuse(settings, 'The first argument of layers.pick is data.controls.<name>, or a rule that is just that.');
    }
  }

  function checkData(node: Node, terms: readonly Node[]): void {
    const [, area, control] = terms;
    if (!area) refuse(node, 'data is read by name: data.controls.<name>.<setting>.');
    if (area && (!isText(area) || !DATA.includes(area.value))) {
      refuse(node, `There is no data.${String(area.value)} (${DATA.join(', ')}).`);
    }
    if (area?.value === 'controls' && !(control && isText(control))) {
      refuse(node, 'Settings are read by name: data.controls.<name>.<setting>.');
    }
  }

  function checkOutcome(node: Node): void {
    const members = new Map((node.value as [Node, Node][]).map(([key, value]) => [key.value, value]));
    const effect = members.get('effect');
    if (!effect) return;
    if (isText(effect) && !EFFECTS.includes(effect.value)) {
      refuse(effect, `The effect is one of ${EFFECTS.join(', ')}, not "${effect.value}".`);
    }
    const code = members.get('code');
    if (code && isText(code) && !/^[a-z][a-z0-9_]{0,63}$/.test(code.value)) {
      refuse(code, `The code "${code.value}" is not lower case with _ between words.`);
    }
    for (const name of ['observed', 'limit', 'quorum']) {
      const figure = members.get(name);
      if (figure?.type === 'number' && !Number.isSafeInteger(figure.value)) {
        refuse(figure, `A figure is a whole number: ${name} is ${String(figure.value)}.`);
      }
    }
  }

  function visit(node: unknown): void {
    if (Array.isArray(node)) {
      node.forEach(visit);
      return;
    }
    if (!isRecord(node)) return;
    if (Array.isArray(node.terms)) checkCall(node.terms);
    if (node.type === 'call' && Array.isArray(node.value)) checkCall(node.value);
    if (node.type === 'object' && Array.isArray(node.value)) checkOutcome(node as Node);
    const terms = termsOf(node);
    if (terms[0] && isVar(terms[0]) && terms[0].value === 'data') checkData(node as Node, terms);
    const settings = settingsOf(node);
    if (settings) {
      if (settings.steps.length > 0) checkKey(settings.control, settings.steps[0], node as Node);
      else if (!allowed.has(node)) {
        refuse(node as Node, `Settings are read by name, not as a whole: data.controls.${settings.control}.<setting>.`);
      }
    }
    for (const [key, value] of Object.entries(node)) {
      if (key === 'location') continue;
      // The first term of a reference, and the name of a rule, are not uses of an alias by themselves.
      const isNamed = (node.type === 'ref' && key === 'value') || (key === 'ref' && 'name' in node);
      visit(isNamed && Array.isArray(value) && isVar(value[0]) ? value.slice(1) : value);
    }
  }
  visit(tree);
}

/**
 * Rules and imports that are exactly `data.controls.<name>`, the names of the library `layers`, and those definitions themselves.
 */
function namesOf(tree: unknown): { aliases: Map<string, string>; layers: Set<string>; allowed: Set<unknown> } {
  const aliases = new Map<string, string>();
  const layers = new Set<string>();
  const allowed = new Set<unknown>();
  if (!isRecord(tree)) return { aliases, layers, allowed };
  for (const each of listOf(tree.imports)) {
    const terms = termsOf(each.path);
    const last = terms.at(-1);
    const alias = typeof each.alias === 'string' ? each.alias : String(last?.value);
    if (isPath(terms, ['data', 'bursar', 'layers']) && terms.length === 3) layers.add(alias);
    if (isPath(terms, ['data', 'controls']) && terms.length === 3) {
      aliases.set(alias, String(last?.value));
      allowed.add(each.path);
    }
  }
  const rules = listOf(tree.rules);
  const nameOf = ({ head }: Record<string, unknown>): unknown => (isRecord(head) ? head.name : undefined);
  for (const rule of rules) {
    const { head, body } = rule;
    const name = nameOf(rule);
    if (!isRecord(head) || typeof name !== 'string' || 'args' in head || rule.else !== undefined) continue;
    const terms = termsOf(head.value);
    const isPlain = listOf(body).every((each) => each.generated === true);
    const isOnly = rules.filter((other) => nameOf(other) === name).length === 1;
    if (isPlain && isOnly && isPath(terms, ['data', 'controls']) && terms.length === 3) {
      aliases.set(name, String(terms[2]?.value));
      allowed.add(head.value);
    }
  }
  return { aliases, layers, allowed };
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
function termsOf(node: unknown): Node[] {
  return isRecord(node) && node.type === 'ref' && Array.isArray(node.value) ? (node.value as Node[]) : [];
}
function isPath(terms: readonly Node[], path: readonly string[]): boolean {
  return path.every(
    (step, index) => terms[index]?.value === step && terms[index].type === (index === 0 ? 'var' : 'string'),
  );
}
function isVar(node: unknown): node is Node & { value: string } {
  return isRecord(node) && node.type === 'var' && typeof node.value === 'string';
}
function isText(node: unknown): node is Node & { value: string } {
  return isRecord(node) && node.type === 'string' && typeof node.value === 'string';
}
