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
  decision: Values;
  entry: Values;
  balances: Values;
  /** Windows that it begins, the others that it is added to, where it counts and what it puts into rolling windows. */
  newMeters: Values[];
  addTo: Values;
  counted: Values;
  rolling: Values[];
  event: Values;
};

/** Reads back what the gate wrote, oldest first, so that plain statements can write the very same rows again. */
export function readRows(path: string): PaymentRows[] {
  const database = new Database(path, { readonly: true });
  database.defaultSafeIntegers(true);
  const rows = (sql: string): Row[] => database.prepare<[], Row>(sql).all();
  const decisions = grouped(rows('SELECT * FROM decisions'), 'payment_id');
  const entries = grouped(rows('SELECT * FROM ledger_entries WHERE payment_id IS NOT NULL'), 'payment_id');
  const events = grouped(rows('SELECT * FROM events WHERE payment_id IS NOT NULL'), 'payment_id');
  const meters = new Map(rows('SELECT * FROM meters').map((row) => [Number(row.id), row]));
  const counted = new Map(rows('SELECT * FROM meter_entries').map((row) => [row.payment_id, row]));
  const rolling = grouped(rows('SELECT * FROM meter_rolling'), 'payment_id');
  // In the order of the event chain, which is the order in which the gate decided.
  const payments = rows('SELECT p.* FROM payments p JOIN events e ON e.payment_id = p.id ORDER BY e.seq');
  database.close();
  return payments.map((payment): PaymentRows => {
    const id = need(payment.id);
    const [decision] = need(decisions.get(id));
    const [entry] = need(entries.get(id));
    const [event] = need(events.get(id));
    const count = need(counted.get(id));
    const amount = need(count.amount_micro);
    const at = need(count.at);
    const ids = JSON.parse(String(count.meters_json)) as number[];
    const begun = ids.map((meterId) => meters.get(meterId)).filter((row) => row !== undefined);
    // Only the first payment of a window begins it.
    for (const each of begun) meters.delete(Number(each.id));
    const isBegun = (meterId: number): boolean => begun.some((each) => Number(each.id) === meterId);
    return {
      nonce: [need(payment.agent_id)],
      payment: Object.values(payment),
      decision: Object.values(need(decision)),
      entry: Object.values(need(entry)),
      balances: [entry?.from_account, -BigInt(amount), entry?.to_account, amount].map(need),
      newMeters: begun.map(({ id: meterId, meter, grp, window_start: start }) => [
        ...[meterId, meter, grp, start, amount, 1, at].map(need),
      ]),
      addTo: [amount, at, ...ids.filter((meterId) => !isBegun(meterId))],
      counted: Object.values(count),
      rolling: (rolling.get(id) ?? []).map((row) => Object.values(row)),
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
  database.pragma('cache_size = -262144');
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
  const decision = insert('decisions');
  const entry = insert('ledger_entries');
  const newMeter = insert('meters');
  const counted = insert('meter_entries');
  const rolling = insert('meter_rolling');
  const event = insert('events');
  const nonce: Plain = database.prepare<[Values]>('UPDATE wallets SET next_nonce = next_nonce + 1 WHERE agent_id = ?');
  const balances: Plain = database.prepare<[Values]>(
    `INSERT INTO balances (account, amount_micro) VALUES (?, ?), (?, ?)
     ON CONFLICT (account) DO UPDATE SET amount_micro = amount_micro + excluded.amount_micro`,
  );
  const addTo = new Map<number, Plain>();
  const addToMany = (length: number): Plain => {
    const known = addTo.get(length);
    if (known) return known;
    const marks = Array.from({ length }, () => '?').join(', ');
    const made: Plain = database.prepare<[Values]>(
      `UPDATE meters SET total_micro = total_micro + ?, count = count + 1, last_at = ? WHERE id IN (${marks})`,
    );
    addTo.set(length, made);
    return made;
  };
  return (rows) => {
    nonce.run(rows.nonce);
    payment.run(rows.payment);
    decision.run(rows.decision);
    entry.run(rows.entry);
    balances.run(rows.balances);
    for (const values of rows.newMeters) newMeter.run(values);
    if (rows.addTo.length > 2) addToMany(rows.addTo.length - 2).run(rows.addTo);
    counted.run(rows.counted);
    for (const values of rows.rolling) rolling.run(values);
    event.run(rows.event);
  };
}
