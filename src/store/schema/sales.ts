import type { Integer } from './columns.ts';

interface Sales {
  key: string;
  identifier: string | null;
  request: string;
  state: 'claimed' | 'owed' | 'done';
  until_at: Integer;
  answer_json: string | null;
  at: Integer;
}

/** A seller's own file of sales. */
export interface SalesSchema {
  sales: Sales;
}
