import type { ReactNode } from 'react';
import { Empty } from './empty.tsx';

/** `fit`: never broken into lines on a wide screen. */
export type Column<R> = { title: string; cell: (row: R) => ReactNode; right?: boolean; fit?: boolean };

/** A table that becomes cards on a narrow screen; the roles keep it a table for screen readers there. */
export function DataTable<R>(props: {
  label: string;
  rows: readonly R[];
  keyOf: (row: R) => string;
  columns: Column<R>[];
  empty: string;
}) {
  const { label, rows, keyOf, columns, empty } = props;
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <table className="rows" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ title, right }) => (
            <th key={title} scope="col" className={right ? 'right' : undefined}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ title, cell, right, fit }) => (
              <td key={title} data-label={title} className={right ? 'right' : fit ? 'fit' : undefined}>
                <span>{cell(row)}</span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
