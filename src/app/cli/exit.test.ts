import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../api/client/client.ts';
import { BursarError } from '../../core/errors/base.ts';
import { failureOf } from './exit.ts';

const codeOf = (error: unknown): number => failureOf(error).code;

describe('exit codes', () => {
  it('are 1 for refusals, 2 for wrong use, 3 for what cannot be reached', () => {
    expect(codeOf(new ProblemError({ code: 'insufficient_funds', status: 409 }))).toBe(1);
    expect(codeOf(new ProblemError({ code: 'forbidden', status: 403 }))).toBe(1);
    expect(codeOf(new ProblemError({ code: 'invalid_amount', status: 400 }))).toBe(2);
    expect(codeOf(new BursarError('unauthenticated'))).toBe(2);
    expect(codeOf(new ProblemError({ code: 'chain_unavailable', status: 503 }))).toBe(3);
    expect(codeOf(new SyntaxError('Unexpected token <'))).toBe(3);
  });

  it('are 3 when nothing listens, which is told with the reason', async () => {
    const error: unknown = await fetch('http://127.0.0.1:1').catch((thrown: unknown) => thrown);
    const failure = failureOf(error);
    expect(failure.code).toBe(3);
    expect(failure.problem).toMatchObject({ code: 'server_unreachable', status: 503, retry: 'safe' });
  });

  it('come with the server’s own problem document', () => {
    const problem = {
      code: 'payment_not_found',
      status: 404,
      detail: 'There is no such payment.',
      action: 'Check it.',
      details: { payment: 'x' },
    };
    expect(failureOf(new ProblemError(problem)).problem).toMatchObject({ ...problem, retry: 'after_change' });
  });

  it('point to --help where the command itself is wrong, its guess on the same line', () => {
    const wrong = new CommanderError(
      1,
      'commander.unknownCommand',
      "error: unknown command 'pya'\n(Did you mean pay?)",
    );
    const { problem, code } = failureOf(wrong);
    expect(code).toBe(2);
    expect(problem.detail).toBe("unknown command 'pya' (Did you mean pay?)");
    expect(problem.action).toContain('--help');
  });
});
