import { CommanderError } from 'commander';
import { ProblemError } from '../../api/client/client.ts';
import { BursarError, problemType } from '../../core/errors/base.ts';
import { catalogue } from '../../core/errors/catalogue.ts';

/** The exit codes for scripts. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const exitCodesHelp = `Exit codes:
  0  done; a payment that is in review is done too
  1  refused, denied, or a check that failed
  2  wrong use: unknown flags, a request that is not valid, no API key, no data directory
  3  the server or the chain cannot be reached`;

const unreachable: readonly string[] = [
  'server_unreachable',
  'chain_unavailable',
  'chain_mismatch',
  'chain_inconsistent',
];
/** The person must give another, or a further, argument. */
const usage: readonly string[] = ['not_configured', 'environment_invalid', 'unauthenticated', 'keystore_locked'];

/** Converts any error to an RFC 9457 problem document and an exit code. */
export function failureOf(error: unknown): { problem: Record<string, unknown>; code: ExitCode } {
  const known = asBursarError(error);
  if (unreachable.includes(known.code)) return { problem: known.problem, code: EXIT.unreachable };
  const isUsage = known.status === 400 || usage.includes(known.code);
  return { problem: known.problem, code: isUsage ? EXIT.usage : EXIT.refused };
}

function asBursarError(error: unknown): { code: string; status: number; problem: Record<string, unknown> } {
  if (error instanceof CommanderError) {
    // commander writes its suggestion on a separate line.
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    const { problem, ...known } = asBursarError(new BursarError('invalid_request', { message }));
    return { ...known, problem: { ...problem, action: 'Look at what the command takes: add --help.' } };
  }
  if (error instanceof ProblemError) {
    const { code, status, message, details, action } = error;
    const entry = Object.hasOwn(catalogue, code) ? catalogue[code as keyof typeof catalogue] : null;
    const problem = {
      type: problemType(code),
      title: entry?.title ?? message,
      status,
      code,
      detail: message,
      action,
      ...(entry ? { retry: entry.retry } : {}),
      ...(Object.keys(details).length > 0 ? { details } : {}),
    };
    return { code, status, problem };
  }
  const known = error instanceof BursarError ? error : ours(error);
  return { code: known.code, status: known.status, problem: known.toProblem() };
}

/**
 * `fetch` throws a TypeError when nothing answers, and a SyntaxError when the answer is not JSON: there is no Bursar server in both
 * cases.
 */
function ours(error: unknown): BursarError {
  if (error instanceof TypeError && error.message === 'fetch failed') {
    const reason = error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : 'no answer';
    return new BursarError('server_unreachable', {
      message: `The Bursar server does not answer (${reason}).`,
      cause: error,
    });
  }
  if (error instanceof SyntaxError) {
    return new BursarError('server_unreachable', {
      message: 'What answers there is not a Bursar server.',
      cause: error,
    });
  }
  return new BursarError('internal', { message: error instanceof Error ? error.message : String(error), cause: error });
}
