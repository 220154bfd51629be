import type { Receipt } from '../../src/chain/receipt/receipt.ts';

/** A receipt with one thing altered. `names`: what a refusal may call it. */
export type Alteration = { what: string; names: string[]; receipt: unknown };
type Path = readonly (string | number)[];
type Json = unknown;

/**
 * Every single alteration of a document: each value changed, exchanged for the one that another genuine receipt has there, given
 * another type, and removed; a field added to each object; elements of each list swapped, doubled and removed; and the same
 * inside the JSON texts that it carries.
 */
export function alterationsOf(receipt: Receipt, other: Receipt): Alteration[] {
  const found: Alteration[] = [];
  const alter = (path: Path, what: string, change: (parent: never, key: never) => void): void => {
    const copy = structuredClone(receipt) as Json;
    const parent = path.slice(0, -1).reduce<Json>((at, key) => (at as Record<string, Json>)[key], copy);
    change(parent as never, path.at(-1) as never);
    if (JSON.stringify(copy) === JSON.stringify(receipt)) return;
    // An element of a list is named by itself or by its list.
    const inList = typeof path.at(-1) === 'number' || typeof path.at(-2) === 'number';
    const names = [path.join('.'), ...(inList ? [path.slice(0, -1).join('.')] : [])];
    if (typeof path.at(-2) === 'number') names.push(path.slice(0, -2).join('.'));
    // The log's proof is one thing: a changed hash in it is not told from a changed event.
    if (path[0] === 'inclusion') names.push('inclusion');
    found.push({ what: `${path.join('.')} ${what}`, names, receipt: copy });
  };
  const set = (path: Path, what: string, value: Json): void =>
    alter(path, what, (parent: Record<string, Json>, key: string) => {
      parent[key] = value;
    });
  const visit = (value: Json, path: Path): void => {
    if (path.length > 0) {
      set(path, 'of another type', typeof value === 'string' ? 7 : 'text');
      // Without the proof it is the genuine receipt of before the anchor, which claims less.
      if (path.join() !== 'inclusion') set(path, 'as null', null);
      if (typeof path.at(-1) === 'string')
        alter(path, 'removed', (parent: Record<string, Json>, key: string) => {
          delete parent[key];
        });
    }
    if (Array.isArray(value)) {
      for (const [at, element] of value.entries()) visit(element, [...path, at]);
      for (let at = 0; at < value.length; at += 1) {
        alter([...path, at], 'removed', (list: Json[], index: number) => list.splice(index, 1));
        alter([...path, at], 'doubled', (list: Json[], index: number) => list.splice(index, 0, list[index]));
        if (at > 0)
          alter([...path, at], 'swapped', (list: Json[], index: number) =>
            list.splice(index - 1, 2, list[index], list[index - 1]),
          );
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) visit(member, [...path, key]);
      set([...path, 'note'], 'added', 'hello');
    } else {
      for (const [what, changed] of changesOf(value)) set(path, what, changed);
      const theirs = path.reduce<Json>((at, key) => (at as Record<string, Json> | undefined)?.[key], other);
      if (theirs !== undefined) set(path, 'as another receipt has it', theirs);
    }
  };
  visit(receipt, []);
  return found;
}

function changesOf(value: Json): [string, Json][] {
  if (typeof value === 'number') return [['one more', value + 1]];
  if (value === null) return [['set', 'pay_01k3x7gq5nf8b9c2v4m6t0w1yz']];
  if (typeof value !== 'string') return [];
  if (value.startsWith('{')) return [['with white space', `${value} `], ...insideOf(value)];
  const last = value.at(-1) ?? '';
  const other = last === '1' ? '2' : '1';
  const recased = value.replace(/[a-f]/i, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
  return [
    ['changed', `${value.slice(0, -1)}${other}`],
    ['longer', `${value}1`],
    ['in another case', value.startsWith('0x') ? `0x${recased.slice(2)}` : recased],
    ['empty', ''],
  ];
}

/** One alteration of each member in a JSON text; of a policy bundle, of its top level only. */
function insideOf(text: string): [string, Json][] {
  const document = JSON.parse(text) as Record<string, Json>;
  const isBundle = 'wasm' in document;
  const changed: [string, Json][] = [];
  const visit = (value: Json, path: Path): void => {
    const nested = typeof value === 'object' && value !== null && !(isBundle && path.length > 0);
    if (nested) for (const [key, member] of Object.entries(value)) visit(member, [...path, key]);
    const copy = structuredClone(document) as Json;
    const at = (to: Path) => to.reduce<Json>((inner, key) => (inner as Record<string, Json>)[key], copy) as never;
    const last = path.at(-1);
    if (last === undefined || Array.isArray(value)) return;
    const parent = at(path.slice(0, -1)) as Record<string, Json>;
    if (nested) Object.assign(parent[last] as object, { note: 1 });
    else parent[last] = typeof value === 'number' ? value + 1 : typeof value === 'string' ? `${value}x` : 'set';
    changed.push([
      `with ${path.join('.')} changed inside`,
      isBundle ? `${JSON.stringify(copy)}\n` : JSON.stringify(copy),
    ]);
  };
  visit(document, []);
  return changed;
}
