import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { BursarError } from '../../../core/errors/base.ts';
import { EXIT } from '../exit.ts';
import { columns, type Document, examples, finish, group, operationCommand } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { text } from '../values.ts';
import { replayCommand } from './policyReplay.ts';
import { differencesCommand, shadowCommand } from './policyShadow.ts';

export function policyCommand(): Command {
  return group('policy', 'Compile, test, load, try, activate and roll back the policy that decides.', [
    operationCommand({
      name: 'list',
      operation: 'list_policies',
      examples: ['bursar policy list'],
      list: {
        of: 'policies',
        fields: [['digest'], ['active'], ['shadow'], ['note'], ['loaded_at', 'loaded'], ['activated_at', 'activated']],
      },
    }),
    operationCommand({
      name: 'show',
      operation: 'get_active_policy',
      examples: ['bursar policy show', 'bursar policy show --json'],
      show: ({ screen }, answer) => {
        screen.document(answer);
        screen.details({ digest: answer.digest, timezone: answer.timezone });
        screen.line();
        const meters = Object.entries(answer.meters as Document).map(([meter, declared]) => ({
          meter,
          ...(declared as Document),
        }));
        screen.table(columns(screen, [['meter'], ['by'], ['window'], ['refunds'], ['kinds']]), meters);
        return EXIT.ok;
      },
    }),
    operationCommand({
      name: 'bundle',
      operation: 'get_policy_bundle',
      positional: [['digest', 'digest']],
      examples: ['bursar policy bundle sha256:5f2c… > policy.json'],
      show: ({ screen }, answer) => {
        screen.document(answer);
        screen.line(String(answer.bundle));
        return EXIT.ok;
      },
    }),
    checkCommand(),
    compileCommand(),
    testCommand(),
    loadCommand(),
    shadowCommand(),
    differencesCommand(),
    replayCommand(),
    operationCommand({
      name: 'activate',
      operation: 'activate_policy',
      positional: [['digest', 'digest']],
      examples: ['bursar policy activate sha256:9a41…'],
    }),
    operationCommand({ name: 'rollback', operation: 'rollback_policy', examples: ['bursar policy rollback'] }),
  ]);
}

function checkCommand(): Command {
  const command = new Command('check')
    .description(
      'Check a directory as `compile` does, with all settings against their schemas; write nothing. Needs no server.',
    )
    .argument('<dir>')
    .addHelpText('after', examples(['bursar policy check my-policy']))
    .action(async (dir: string) => {
      const { screen } = sessionOf(command);
      const { digest } = await compiled(dir);
      screen.document({ ok: true, digest });
      screen.line(`${dir} compiles, as ${digest}.`);
    });
  return command;
}

function compileCommand(): Command {
  const command = new Command('compile')
    .description(
      "Compile a directory (data.yaml, and controls/ of your own) on top of Bursar's library. Needs no server.",
    )
    .argument('<dir>')
    .option('-o, --out <file>', 'Write the bundle here')
    .addHelpText(
      'after',
      examples(['bursar policy compile policies/starter', 'bursar policy compile my-policy --out bundle.json']),
    )
    .action(async (dir: string, { out }: { out?: string }) => {
      const { screen } = sessionOf(command);
      const { digest, bundle } = await compiled(dir);
      if (out !== undefined) writeFileSync(out, bundle);
      const answer = { digest, bytes: Buffer.byteLength(bundle), out: out ?? null };
      screen.document(answer);
      screen.details(answer);
    });
  return command;
}

async function compiled(dir: string): Promise<{ digest: string; bundle: string }> {
  const [{ compilePolicyDirectory }, { loadPolicy }] = await Promise.all([
    import('../../../decide/policy/compile.ts'),
    import('../../../decide/policy/loadPolicy.ts'),
  ]);
  const bundle = await compilePolicyDirectory(dir);
  return { digest: (await loadPolicy(bundle)).digest, bundle };
}

function testCommand(): Command {
  const command = new Command('test')
    .description(
      "Compile a directory and run its Rego tests, with those of Bursar's library and controls. Needs no server.",
    )
    .argument('<dir>')
    .addHelpText('after', examples(['bursar policy test policies/starter']))
    .action(async (dir: string) => {
      const { screen } = sessionOf(command);
      const { digest } = await compiled(dir);
      const { runPolicyTests } = await import('../policyTests.ts');
      const result = await runPolicyTests(dir);
      screen.document({ digest, ...result });
      for (const failed of result.failures) screen.line(`${screen.paint('FAIL', 'red')} ${failed}`);
      screen.line(`${digest} compiles; ${result.passed} passed, ${result.failed} failed`);
      finish(result.failed > 0 ? EXIT.refused : EXIT.ok);
    });
  return command;
}

function loadCommand(): Command {
  const command = new Command('load')
    .description('Give the server a policy: a directory, which is compiled first, or a compiled bundle.')
    .argument('<dir or bundle>')
    .option('--note <text>', 'Why this version is there')
    .option('--activate', 'Let it decide from now on')
    .addHelpText(
      'after',
      examples(['bursar policy load my-policy --note "raise the cap"', 'bursar policy load bundle.json --activate']),
    )
    .action(async (path: string, flags: { note?: string; activate?: boolean }) => {
      await load(sessionOf(command), path, flags);
    });
  return command;
}

async function load(
  session: Session,
  path: string,
  { note, activate }: { note?: string; activate?: boolean },
): Promise<void> {
  const client = session.client();
  const bundle = isDirectory(path) ? (await compiled(path)).bundle : readFileSync(path, 'utf8');
  const { digest, warnings } = await client.call('load_policy', { bundle, ...(note === undefined ? {} : { note }) });
  if (activate) await client.call('activate_policy', { digest });
  session.screen.document({ digest, active: activate === true, warnings });
  for (const warning of warnings as string[]) session.screen.note(`Warning: ${warning}`);
  session.screen.line(text(digest));
  session.screen.line(
    activate ? 'It decides from now on.' : `It decides nothing yet: bursar policy activate ${text(digest)}`,
  );
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    throw new BursarError('invalid_request', { message: `There is no ${path}.`, cause });
  }
}
