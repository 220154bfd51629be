import { sha256 } from '../../core/ids/digest.ts';
import { rowsOfKeys, rowsWithKeys, tablesOf } from '../../store/rows.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { Snapshot } from '../../store/store.ts';
import type { Check } from './bookChecks.ts';
import type { Evidence } from './evidence.ts';
import { paymentFindings } from './paymentChecks.ts';
import { decisionsInOrder } from './queries.ts';
import { changedColumns, rowDigest, type StoredRow } from './rowDigest.ts';
import { unsealedRows, watchOf } from './sealedTables.ts';
import { shapeOf, type TableShape } from './tableShape.ts';

type Tx = Snapshot['tx'];
type Pause = () => Promise<void>;

/** The number of findings per table; one more reports that there are others. */
const NAMED = 5;
/** The number of rows between two pauses. */
const ROWS_PER_STEP = 500;

/** Every row of every sealed table agrees with the last event about it, none is missing, and none exists without its event. */
export async function checkRows(tx: Tx, evidence: Evidence, pause: Pause): Promise<Check> {
  const name = 'rows_match_events';
  const findings: string[] = [];
  let rows = 0;
  const tables = (await tablesOf(tx)).filter((table) => watchOf(table) !== null);
  for (const table of tables) {
    const checked = await checkTable(tx, table, evidence, pause);
    rows += checked.rows;
    findings.push(...checked.findings);
  }
  if (findings.length === 0) {
    return { name, ok: true, detail: `${rows} rows of ${tables.length} tables are what the event log says of them.` };
  }
  return { name, ok: false, detail: `Not what the event log says: ${findings.join('; ')}.` };
}

class Findings {
  readonly #found: string[] = [];
  #count = 0;

  add(finding: string): void {
    this.#count += 1;
    if (this.#found.length < NAMED) this.#found.push(finding);
  }

  named(): string[] {
    return this.#count > NAMED ? [...this.#found, `and ${this.#count - NAMED} more of that table`] : this.#found;
  }
}

async function checkTable(
  tx: Tx,
  table: string,
  evidence: Evidence,
  pause: Pause,
): Promise<{ rows: number; findings: string[] }> {
  const found = new Findings();
  const shape = await shapeOf(tx, table, watchOf(table)?.without ?? []);
  let rows = 0;
  let matched = 0n;
  for await (const row of rowsWithKeys(tx, table, shape.keys, unsealedRows[table])) {
    rows += 1;
    const witness = evidence.of(table, row.row_key);
    if (witness?.digest) matched += 1n;
    const clauses = [
      ...(table === 'payments' ? await paymentFindings(tx, row) : []),
      ...differences(shape, row, witness),
    ];
    const [first] = clauses;
    if (first !== undefined)
      found.add(`${nameOf(shape, row.row_key)}: ${clauses.length > 1 ? clauses.slice(0, 4).join(', ') : first}`);
    if (rows % ROWS_PER_STEP === 0) await pause();
  }
  if (matched !== evidence.count(table)) await findMissing(tx, shape, evidence, found);
  return { rows, findings: found.named() };
}

function differences(shape: TableShape, row: StoredRow, witness: ReturnType<Evidence['of']>): string[] {
  if (!witness) return ['no event says that it was written'];
  if (witness.digest === null) return [`it is there, and event ${witness.seq} says that it is gone`];
  if (rowDigest(shape.table, row, shape.sealed) === witness.digest) return [];
  const columns = changedColumns(row, shape.sealed, witness.marks);
  return columns.length > 0
    ? [
        `${columns.join(' and ')} ${columns.length > 1 ? 'are' : 'is'} not as event ${witness.seq} sealed ${columns.length > 1 ? 'them' : 'it'}`,
      ]
    : [`the row is not as event ${witness.seq} sealed it (its columns: ${shape.sealed.join(', ')})`];
}

async function findMissing(tx: Tx, shape: TableShape, evidence: Evidence, found: Findings): Promise<void> {
  let some: { key: string; seq: bigint }[] = [];
  const look = async (): Promise<void> => {
    const keys = some.map(({ key }) => key);
    const rows = await rowsOfKeys(tx, shape.table, shape.keys, keys);
    for (const [index, { key, seq }] of some.entries()) {
      if (!rows[index]) found.add(`${nameOf(shape, key)}: it is missing, and event ${seq} says that it is there`);
    }
    some = [];
  };
  for (const expected of evidence.keysOf(shape.table)) {
    some.push(expected);
    if (some.length === KEYS_AT_ONCE) await look();
  }
  await look();
}
const KEYS_AT_ONCE = 500;

const nameOf = ({ table }: TableShape, key: string): string => `${table} ${(JSON.parse(key) as unknown[]).join(' ')}`;

type DecisionRow = RowIn<'decisions'>;

/** Decisions and the events that name them are the same list in the same order, and each hash follows from its texts. */
export async function checkDecisions(tx: Tx, evidence: Evidence, pause: Pause): Promise<Check> {
  const name = 'decisions_match_events';
  const found = new Findings();
  let n = 0n;
  for await (const row of tx.each(decisionsInOrder)) {
    n += 1n;
    const wrong = decisionDifferences(row, n, evidence.decision(n));
    if (wrong.length > 0) found.add(`decision ${row.seq} of ${row.payment_id}: ${wrong.join(', ')}`);
    if (Number(n) % ROWS_PER_STEP === 0) await pause();
  }
  const said = evidence.decisions();
  if (said > n)
    found.add(
      `events name ${said} decisions and there are ${n}; the first missing is of ${evidence.decision(n + 1n)?.payment}`,
    );
  const findings = found.named();
  if (findings.length > 0)
    return { name, ok: false, detail: `Decisions are not what events say: ${findings.join('; ')}.` };
  return {
    name,
    ok: true,
    detail: `${n} decisions, each named by its event, and each hash follows from its input and result.`,
  };
}

function decisionDifferences(row: DecisionRow, n: bigint, said: ReturnType<Evidence['decision']>): string[] {
  const hashes = {
    policy_digest: row.policy_digest,
    input_hash: sha256(row.input_json),
    result_hash: sha256(row.result_json),
  };
  const wrong: string[] = [];
  if (row.seq !== n) wrong.push(`seq is ${row.seq} where ${n} comes next`);
  if (`0x${sha256(JSON.stringify(hashes))}` !== row.hash)
    wrong.push('hash does not follow from policy_digest, input_json and result_json');
  if (effectIn(row.result_json) !== row.effect)
    wrong.push(`effect is ${row.effect} and result_json says ${effectIn(row.result_json)}`);
  if (!said) return [...wrong, 'no event names it'];
  if (said.payment !== row.payment_id) wrong.push(`payment_id: event ${said.seq} names ${said.payment}`);
  if (said.hash !== row.hash) wrong.push(`hash is ${row.hash} and event ${said.seq} says ${said.hash}`);
  if (said.at !== row.decided_at) wrong.push(`decided_at is not the time of event ${said.seq}`);
  return wrong;
}

function effectIn(resultText: string): unknown {
  try {
    return (JSON.parse(resultText) as { effect?: unknown }).effect;
  } catch {
    return null;
  }
}
