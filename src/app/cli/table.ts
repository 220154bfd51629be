import { shownText } from '../../core/text/unseen.ts';

export type Align = 'left' | 'right';
export type Column<R> = {
  title: string;
  align?: Align;
  cell: (row: R) => string;
  paint?: (text: string, row: R) => string;
};

/** Names of payees and memos come from others: they must not move the cursor or hide text of a terminal. */
export function visible(text: string): string {
  return shownText(text);
}

/**
 * Lines of a table: a heading, then a row each, two spaces between columns. Cells are never cut, because ids and hashes are copied.
 * `heading` paints the first line.
 */
export function table<R>(
  columns: readonly Column<R>[],
  rows: readonly R[],
  heading: (text: string) => string = (text) => text,
): string[] {
  const cells = rows.map((row) => columns.map((column) => visible(column.cell(row))));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((line) => (line[index] ?? '').length)),
  );
  const lay = (texts: readonly string[], paint: (text: string, index: number) => string): string =>
    columns
      .map(({ align }, index) => {
        const text = texts[index] ?? '';
        const fill = ' '.repeat(Math.max(0, (widths[index] ?? 0) - text.length));
        const painted = paint(text, index);
        return align === 'right' ? fill + painted : painted + (index === columns.length - 1 ? '' : fill);
      })
      .join('  ')
      .trimEnd();
  return [
    lay(
      columns.map(({ title }) => title),
      (text) => heading(text),
    ),
    ...rows.map((row, line) => lay(cells[line] ?? [], (text, index) => columns[index]?.paint?.(text, row) ?? text)),
  ];
}
