/** Sales of a seller, in a separate file: the payment of each sale, and the response that it bought. */
export const sales = `
CREATE TABLE sales (
  key TEXT PRIMARY KEY,
  identifier TEXT UNIQUE,
  request TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('claimed', 'owed', 'done')),
  until_at INTEGER NOT NULL,
  answer_json TEXT,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sales_by_age ON sales (at);
`;
