import { Command } from 'commander';
import { readEnvironment } from '../../../core/environment/environment.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { examples } from '../operationCommand.ts';
import { sessionOf } from '../session.ts';

export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description(
      'Bring the schema of the PostgreSQL database in DATABASE_URL up to date, and say what was done. Servers of this release serve only then. A SQLite file is brought up to date by `bursar serve`.',
    )
    .addHelpText('after', examples(['DATABASE_URL=postgres://bursar@db.example/bursar bursar migrate']))
    .action(async () => {
      const { screen } = sessionOf(command);
      const url = readEnvironment().DATABASE_URL;
      if (url === undefined) {
        throw new BursarError('not_configured', {
          message: 'DATABASE_URL names no database. A SQLite file is brought up to date when it is served.',
        });
      }
      const { migrateDatabase } = await import('../../server/serverDatabase.ts');
      const applied = await migrateDatabase(url);
      screen.document({ applied });
      if (applied.length === 0) screen.line('The schema is up to date: nothing was done.');
      for (const name of applied) screen.line(`Applied ${name}.`);
    });
  return command;
}
