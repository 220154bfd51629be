import { structuredPatch } from 'diff';

export type Line = { kind: 'same' | 'add' | 'del'; text: string };

/** Lines of context around a change. */
const CONTEXT = 3;
/** Texts that differ in more lines are shown as replaced: the comparison takes time with the square of this number. */
const EDITS_MAX = 4_000;
const kinds: Record<string, Line['kind']> = { '+': 'add', '-': 'del' };

/** The changes from one text to another, line by line, with a few unchanged lines around them and "…" for the rest. */
export function changedLines(before: string, after: string): Line[] {
  const [from, to] = [whole(before), whole(after)];
  const patch = structuredPatch('', '', from, to, '', '', { context: CONTEXT, maxEditLength: EDITS_MAX });
  if (patch === undefined) return [...all('del', from), ...all('add', to)];
  const last = all('same', from).length;
  return patch.hunks.flatMap(({ lines, oldStart, oldLines }) => [
    ...lines.map((line) => ({ kind: kinds[line[0] ?? ''] ?? 'same', text: line.slice(1) }) as const),
    ...(oldStart + oldLines <= last ? [{ kind: 'same', text: '…' } as const] : []),
  ]);
}

/** A patch marks a missing newline at the end with a line of its own: both texts get one. */
const whole = (text: string): string => (text === '' ? '' : `${text}\n`);

const all = (kind: Line['kind'], text: string): Line[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => ({ kind, text: line }));
