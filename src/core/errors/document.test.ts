import { describe, expect, it } from 'vitest';
import { catalogue } from './catalogue.ts';
import { errorsDocument } from './document.ts';

describe('errorsDocument', () => {
  it('has exactly one row for each code, with its status and both sentences', () => {
    const rows = errorsDocument()
      .split('\n')
      .filter((line) => line.startsWith('| <a id='));
    expect(rows.map((row) => /id="(\w+)"/.exec(row)?.[1])).toEqual(Object.keys(catalogue));
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(7);
    expect(rows.find((row) => row.includes('`queue_full`'))).toContain('| 503 | yes, as it is |');
  });
});

describe('catalogue', () => {
  const entries = Object.entries(catalogue);

  it('names codes in snake_case, with an HTTP error status', () => {
    for (const [code, entry] of entries) {
      expect(code).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      expect(entry.status, code).toBeGreaterThanOrEqual(400);
      expect(entry.status, code).toBeLessThan(600);
    }
  });

  it('says what happened and what to do in whole sentences', () => {
    for (const [code, { title, action }] of entries) {
      expect(title, code).toMatch(/^[A-Z`].*[.]$/);
      expect(action, code).toMatch(/^[A-Z`].*[.]$/);
    }
  });
});
