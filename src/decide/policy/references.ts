import { isRecord } from './controlSchema.ts';

export type Reference = { kind: 'agent' | 'sponsor' | 'workflow' | 'label' | 'payee'; name: string; path: string };

const SELECTORS = ['agent', 'sponsor', 'workflow'] as const;

/** The names in a policy's data: the selectors of overrides, layers and revenue rules, and payees in lists. */
export function referencesIn(data: Record<string, unknown>): Reference[] {
  const found: Reference[] = [];
  const { controls, layers, revenue } = data;
  const note = (kind: Reference['kind'], name: unknown, path: readonly PropertyKey[]): void => {
    // `any` is a keyword of the settings, and an address needs no payee.
    if (typeof name !== 'string' || name === 'any' || /^0x[0-9a-fA-F]{40}$/.test(name)) return;
    found.push({ kind, name, path: path.join('.') });
  };
  const visit = (value: unknown, path: PropertyKey[]): void => {
    if (Array.isArray(value)) {
      for (const [index, each] of value.entries()) visit(each, [...path, index]);
      return;
    }
    if (!isRecord(value)) return;
    for (const kind of SELECTORS) note(kind, value[kind], [...path, kind]);
    if (isRecord(value.label)) {
      for (const [key, label] of Object.entries(value.label)) note('label', `${key}: ${label}`, [...path, 'label']);
    }
    for (const key of ['payee', 'remainder']) note('payee', value[key], [...path, key]);
    if (isRecord(value.sweep)) note('payee', value.sweep.to, [...path, 'sweep', 'to']);
    for (const key of ['payees', 'blocked']) {
      const list = value[key];
      if (Array.isArray(list)) for (const [index, name] of list.entries()) note('payee', name, [...path, key, index]);
    }
    for (const [key, each] of Object.entries(value)) if (key !== 'label') visit(each, [...path, key]);
  };
  visit({ controls, layers, revenue }, []);
  const unique = new Map(found.map((each) => [`${each.kind} ${each.name} ${each.path}`, each]));
  return [...unique.values()];
}
