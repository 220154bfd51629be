import { catalogue, type Retry } from './catalogue.ts';

const retryAdvice = {
  never: 'no',
  after_change: 'after a change',
  safe: 'yes, as it is',
} as const satisfies Record<Retry, string>;

/** The text of `docs/errors.md`: one row per code, in the order of the catalogue. */
export function errorsDocument(): string {
  const rows = Object.entries(catalogue).map(
    ([code, entry]) =>
      `| <a id="${code}"></a>\`${code}\` | ${entry.status} | ${retryAdvice[entry.retry]} | ${cell(entry.title)} | ${cell(entry.action)} |`,
  );
  return [
    '# Errors',
    '',
    'Made from `src/core/errors/catalogue.ts` by `npm run generate`; do not edit.',
    '',
    'Every failure is an RFC 9457 problem document (`application/problem+json`) with `type`, `title`, `status`, `code`,',
    '`detail`, `action`, `retry` and, where it helps, `details`. Programs decide by `code`, which never changes its meaning.',
    '`type` is `urn:bursar:error:<code>`: it names the error and is no address to fetch; the table below explains each code.',
    'A denial by policy is not an error: it is a payment in the state `denied`, with its reasons.',
    '',
    '| code | status | send it again? | what happened | what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** A bar would end the cell of a Markdown table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
