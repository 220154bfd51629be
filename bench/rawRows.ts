import Database from 'better-sqlite3';

type Value = string | number | bigint | null;
type Row = Record<string, Value>;
/** The values of a statement, in its order. */
type Values = Value[];

/** A statement that binds an array. */
type Plain = { run(values: Values): unknown };

/** What the gate left of one payment, as the values that plain statements bind. */
export type PaymentRows = {
  nonce: Values;
  payment: Values;
  documents: Values[];
  decision: Values;
  entry: Values;
  postings: { posting: Values; balance: Values }[];
  meters: { meter: Values; entry: Values }[];
  event: Values;
};

/** Reads back what the gate wrote, oldest first, so that plain statements can write the very same rows again. */
export function readRows(path: string): PaymentRows[] {
  const database = new Database(path, { readonly: true });
  database.defaultSafeIntegers(true);
  const rows = (sql: string): Row[] => database.prepare<[], Row>(sql).all();
  const documents = new Map(rows('SELECT * FROM documents').map((row) => [row.hash, row]));
  const decisions = grouped(rows('SELECT * FROM decisions'), 'payment_id');
  const entries = grouped(rows('SELECT * FROM ledger_entries WHERE payment_id IS NOT NULL'), 'payment_id');
  const events = grouped(rows('SELECT * FROM events WHERE payment_id IS NOT NULL'), 'payment_id');
  const postings = grouped(rows('SELECT * FROM postings'), 'entry_id');
  const meters = grouped(rows('SELECT * FROM meter_entries'), 'payment_id');
  // In the order of the event chain, which is the order in which the gate decided.
  const payments = rows('SELECT p.* FROM payments p JOIN events e ON e.payment_id = p.id ORDER BY e.seq');
  database.close();
  // Many payments share a result; only the first of them wrote it.
  const take = (hash: Value | undefined): Values[] => {
    const row = documents.get(need(hash));
    documents.delete(need(hash));
    return row ? [Object.values(row)] : [];
  };
  return payments.map((payment): PaymentRows => {
    const id = need(payment.id);
    const [decision] = need(decisions.get(id));
    const [entry] = need(entries.get(id));
    const [event] = need(events.get(id));
    return {
      nonce: [need(payment.agent_id)],
      payment: Object.values(payment),
      documents: [...take(decision?.input_hash), ...take(decision?.result_hash)],
      decision: Object.values(need(decision)),
      entry: Object.values(need(entry)),
      postings: need(postings.get(need(entry?.id))).map((row) => ({
        posting: Object.values(row),
        balance: [need(row.account), need(row.amount_micro)],
      })),
      meters: need(meters.get(id)).map((row) => ({
        meter: ['meter', 'grp', 'window_start', 'amount_micro', 'at', 'at'].map((name) => need(row[name])),
        entry: Object.values(row),
      })),
      event: Object.values(need(event)),
    };
  });
}

function grouped(rows: Row[], column: string): Map<Value, Row[]> {
  const groups = new Map<Value, Row[]>();
  for (const row of rows) {
    const key = row[column] ?? null;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

function need<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('The gate left a row out.');
  return value;
}

/**
 * Writes the rows with hand-written statements and nothing else: no check, no reading, no policy. Same schema, same pragmas as
 * the store. Gives payments a second.
 */
export function writeRows(path: string, payments: readonly PaymentRows[], perCommit: number): number {
  const database = new Database(path);
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'wal_autocheckpoint = 4000']) {
    database.pragma(pragma);
  }
  database.pragma('foreign_keys = ON');
  database.pragma('cache_size = -65536');
  const write = writerOf(database);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const startedAt = performance.now();
  for (let from = 0; from < payments.length; from += perCommit) {
    begin.run();
    for (const rows of payments.slice(from, from + perCommit)) write(rows);
    commit.run();
  }
  const rate = (payments.length / (performance.now() - startedAt)) * 1_000;
  database.close();
  return rate;
}

function writerOf(database: Database.Database): (rows: PaymentRows) => void {
  const insert = (table: string): Plain => {
    const columns = database.prepare<[string], { name: string }>('SELECT name FROM pragma_table_info(?)').all(table);
    const names = columns.map(({ name }) => name).join(', ');
    return database.prepare<[Values]>(`INSERT INTO ${table} (${names}) VALUES (${columns.map(() => '?').join(', ')})`);
  };
  const payment = insert('payments');
  const document = insert('documents');
  const decision = insert('decisions');
  const entry = insert('ledger_entries');
  const posting = insert('postings');
  const meterEntry = insert('meter_entries');
  const event = insert('events');
  const nonce: Plain = database.prepare<[Values]>('UPDATE wallets SET next_nonce = next_nonce + 1 WHERE agent_id = ?');
  const balance: Plain = database.prepare<[Values]>(
    `INSERT INTO balances (account, amount_micro) VALUES (?, ?)
     ON CONFLICT (account) DO UPDATE SET amount_micro = amount_micro + excluded.amount_micro`,
  );
  const meter: Plain = database.prepare<[Values]>(
    `INSERT INTO meters (meter, grp, window_start, total_micro, count, last_at, oldest_at) VALUES (?, ?, ?, ?, 1, ?, ?)
     ON CONFLICT (meter, grp, window_start) DO UPDATE SET total_micro = total_micro + excluded.total_micro,
       count = count + 1, last_at = excluded.last_at`,
  );
  return (rows) => {
    nonce.run(rows.nonce);
    payment.run(rows.payment);
    for (const values of rows.documents) document.run(values);
    decision.run(rows.decision);
    entry.run(rows.entry);
    for (const each of rows.postings) {
      posting.run(each.posting);
      balance.run(each.balance);
    }
    for (const each of rows.meters) {
      meter.run(each.meter);
      meterEntry.run(each.entry);
    }
    event.run(rows.event);
  };
}
