import { LineCounter, parseDocument } from 'yaml';

export type Places = {
  /** The first syntax error of the text; null if it is YAML. */
  broken: { message: string; line: number } | null;
  /** The line of the innermost existing part of a path. */
  lineOf(path: readonly PropertyKey[]): number;
};

/** Finds the lines of values in a YAML or JSON text. */
export function placesIn(text: string): Places {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [first] = document.errors;
  return {
    broken: first
      ? { message: first.message.split('\n')[0] ?? 'is not YAML', line: lines.linePos(first.pos[0]).line }
      : null,
    lineOf(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const node: unknown = document.getIn(path.slice(0, length), true);
        const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null;
        if (Array.isArray(range) && typeof range[0] === 'number') return lines.linePos(range[0]).line;
      }
      return 1;
    },
  };
}
