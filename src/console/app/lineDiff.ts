export type Line = { kind: 'same' | 'add' | 'del'; text: string };

/** Lines of context around a change. */
const CONTEXT = 3;
/** Beyond this many pairs of lines the middle is shown as replaced as a whole. */
const PAIRS_MAX = 4_000_000;

/** The changes from one text to another, line by line (longest common subsequence), with a little of what stays around them. */
export function lineDiff(before: string, after: string): Line[] {
  const [a, b] = [before === '' ? [] : before.split('\n'), after === '' ? [] : after.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const same = (text: string): Line => ({ kind: 'same', text });
  const middle = changes(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return nearChanges([...a.slice(0, start).map(same), ...middle, ...a.slice(a.length - end).map(same)]);
}

function changes(a: string[], b: string[]): Line[] {
  const del = (text: string): Line => ({ kind: 'del', text });
  const add = (text: string): Line => ({ kind: 'add', text });
  if (a.length * b.length > PAIRS_MAX) return [...a.map(del), ...b.map(add)];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [one, other] = [a[i], b[j]];
    if (one !== undefined && one === other) {
      lines.push({ kind: 'same', text: one });
      i += 1;
      j += 1;
    } else if (one !== undefined && (other === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(del(one));
      i += 1;
    } else {
      lines.push(add(other ?? ''));
      j += 1;
    }
  }
  return lines;
}

function nearChanges(lines: Line[]): Line[] {
  const near = new Set<number>();
  lines.forEach(({ kind }, index) => {
    if (kind === 'same') return;
    for (let i = index - CONTEXT; i <= index + CONTEXT; i += 1) near.add(i);
  });
  return lines.flatMap((line, index) => {
    if (near.has(index)) return [line];
    return near.has(index - 1) ? [{ kind: 'same' as const, text: '…' }] : [];
  });
}
