import { Command } from 'commander';
import { BursarError } from '../../../core/errors/base.ts';
import { EXIT } from '../exit.ts';
import { columns, type Document, examples, operationCommand } from '../operationCommand.ts';
import type { Screen } from '../screen.ts';
import { type Session, sessionOf } from '../session.ts';
import { at, text } from '../values.ts';

export function shadowCommand(): Command {
  const command = new Command('shadow')
    .description(
      'Ask a loaded policy next to the active one, from the next payment on. It decides nothing; what it would have decided otherwise is kept.',
    )
    .argument('[digest]')
    .option('--off', 'Ask none any more')
    .addHelpText('after', examples(['bursar policy shadow sha256:9a41…', 'bursar policy shadow --off']))
    .action((digest: string | undefined, { off }: { off?: boolean }) =>
      shadow(sessionOf(command), digest, off === true),
    );
  return command;
}

async function shadow({ client, screen }: Session, digest: string | undefined, off: boolean): Promise<void> {
  if ((digest === undefined) !== off)
    throw new BursarError('invalid_request', { message: 'Say which digest, or --off.' });
  const answer = await client().call('shadow_policy', { digest: digest ?? null });
  screen.document(answer);
  screen.line(
    off
      ? 'No policy is asked next to the active one.'
      : 'It is asked next to the active one and decides nothing: bursar policy differences',
  );
}

export function differencesCommand(): Command {
  return operationCommand({
    name: 'differences',
    operation: 'policy_differences',
    examples: ['bursar policy differences', 'bursar policy differences --digest sha256:9a41… --limit 200'],
    show: ({ screen }, answer) => {
      screen.document(answer);
      if (!screen.json) draw(screen, answer);
      return EXIT.ok;
    },
  });
}

function draw(screen: Screen, answer: Document): void {
  const run = answer.shadow as Document | null;
  if (run === null) {
    screen.line('No policy was ever in shadow: bursar policy shadow <digest>');
    return;
  }
  const ended = run.ended as Document | null;
  screen.line(
    `${text(run.digest)}, asked since ${text(run.started_at)}${ended ? ` until ${text(ended.at)} (${text(ended.reason)})` : ''}`,
  );
  drawSummary(screen, answer.summary as Document);
  drawDifferences(screen, answer.differences as Document[]);
  if (answer.next_cursor !== null) screen.line(`More: --cursor ${text(answer.next_cursor)}`);
}

/** The differences, in payments and in money. */
export function drawSummary(screen: Screen, summary: Document): void {
  screen.line(
    `${text(summary.decided)} decided, ${text(summary.same)} the same, ${text(summary.other_reasons)} for other reasons only`,
  );
  screen.line();
  const changes = summary.changes as Document[];
  if (changes.length === 0) return;
  const fields = [
    ['active'],
    ['shadow', 'would be'],
    ['count', 'payments', 'right'],
    ['amount', 'USDC', 'right'],
  ] as const;
  screen.table(columns(screen, fields), changes);
  screen.line();
}

export function drawDifferences(screen: Screen, differences: readonly Document[]): void {
  const rows = differences.map((each) => ({ ...each, decided: said(each.active), would: said(each.shadow) }));
  screen.table(
    columns(screen, [
      ['payment'],
      ['at'],
      ['amount', 'USDC', 'right'],
      ['decided'],
      ['would', 'would be'],
      ['failure'],
    ]),
    rows,
  );
}

const said = (what: unknown): string =>
  `${text(at(what, 'effect'))}: ${(at(what, 'reasons') as Document[]).map(({ code }) => text(code)).join(', ')}`;
