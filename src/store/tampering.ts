import { connectionOf } from './connection.ts';
import { connect } from './database.ts';
import type { Command, None } from './statement.ts';
import type { Tx } from './store.ts';

const GUARDS =
  "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%\\_append\\_only\\_%' ESCAPE '\\'";

/** For tests: removes what keeps append-only tables append-only. */
export function dropGuards(tx: Tx): void {
  for (const { name } of tx.all<{ name: string }>(GUARDS)) tx.run(`DROP TRIGGER "${name}"`);
}

/** For tests: what anybody can do who may write the file of a closed store, guards and constraints or not. */
export function tamperWith(path: string, commands: readonly Command<None>[]): void {
  const file = connect(path, {});
  try {
    for (const { name } of file.prepare<[], { name: string }>(GUARDS).all()) file.exec(`DROP TRIGGER "${name}"`);
    file.pragma('foreign_keys = OFF');
    file.pragma('ignore_check_constraints = ON');
    const { run } = connectionOf(file, null);
    for (const command of commands) run(command);
  } finally {
    file.close();
  }
}
