import { connect } from './database.ts';
import { writingOn } from './sqliteStore.ts';
import type { Snapshot, Tx } from './transaction.ts';

/** Opens the file of a closed store without foreign keys and seals: for tests that tamper, and benchmarks that fill it. */
export type RawFile = {
  readonly tx: Snapshot['tx'] & Pick<Tx, 'run'>;
  begin(): void;
  commit(): void;
  rollBack(): void;
  close(): void;
};

/** `isBulk`: fast writing without safety from a crash before `close`. */
export function openRawFile(path: string, { isBulk = false } = {}): RawFile {
  const file = connect(path, {});
  file.defaultSafeIntegers(true);
  file.pragma('foreign_keys = OFF');
  if (isBulk)
    for (const setting of ['journal_mode = MEMORY', 'synchronous = OFF', 'cache_size = -2000000']) file.pragma(setting);
  return {
    tx: writingOn(file),
    begin: () => void file.exec('BEGIN'),
    commit: () => void file.exec('COMMIT'),
    rollBack: () => void file.exec('ROLLBACK'),
    close: () => {
      if (isBulk) file.pragma('journal_mode = WAL');
      file.close();
    },
  };
}
