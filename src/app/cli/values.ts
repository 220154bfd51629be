/** Shows values of the API's documents in a terminal. */

type Document = Record<string, unknown>;

/** The value at a dotted path of a document; undefined if there is none. */
export function at(document: unknown, path: string): unknown {
  let value: unknown = document;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Document)[name];
  }
  return value;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** One value as text: amounts without currency, times without the fraction, lists with commas, null as a dash. */
export function text(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'string') return TIME.test(value) ? `${value.slice(0, 10)} ${value.slice(11, 19)}Z` : value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(text).join(', ');
  if (typeof value !== 'object') return String(value);
  const document = value as Document;
  if (isAmount(document)) return String(document.value);
  return Object.entries(document)
    .map(([name, part]) => `${name}=${text(part)}`)
    .join(' ');
}

/** A document as name and text, nested names with dots. */
export function details(document: Document, prefix = ''): [string, string][] {
  return Object.entries(document).flatMap(([name, value]): [string, string][] => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    if (Array.isArray(value) && value.some((part) => typeof part === 'object')) {
      return value.flatMap((part, index) =>
        typeof part === 'object' && part !== null
          ? [[`${path} ${index + 1}`, text(part)]]
          : [[`${path} ${index + 1}`, text(part)]],
      );
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const nested = value as Document;
      return isAmount(nested) ? [[path, `${nested.value} ${nested.currency}`]] : details(nested, path);
    }
    return [[path, text(value)]];
  });
}

const isAmount = (document: Document): boolean => 'value' in document && document.currency === 'USDC';

/** `sha256:1a2b3c4d` and `0x1a2b3c4d`: enough to compare two by eye. */
export function short(hash: unknown): string {
  if (typeof hash !== 'string' || hash === '') return '-';
  const [, prefix = '', digits = hash] = /^(sha256:|0x)(.*)$/.exec(hash) ?? [];
  return digits.length <= 12 ? hash : `${prefix}${digits.slice(0, 10)}`;
}
