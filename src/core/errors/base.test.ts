import { describe, expect, it } from 'vitest';
import { BursarError, invariant } from './base.ts';

describe('BursarError', () => {
  it('becomes an RFC 9457 problem with its code, status, advice and what happened this time', () => {
    const error = new BursarError('queue_full', { message: '20000 wait.', details: { waiting: 20_000 } });
    expect(error.toProblem()).toEqual({
      type: 'urn:bursar:error:queue_full',
      title: 'Too many requests are waiting for a decision.',
      status: 503,
      code: 'queue_full',
      detail: '20000 wait.',
      action: expect.stringContaining('same Idempotency-Key'),
      retry: 'safe',
      details: { waiting: 20_000 },
    });
  });

  it('keeps its cause for the log and out of the problem', () => {
    const cause = new Error('disk I/O error at /var/lib/bursar');
    const error = new BursarError('storage_failed', { cause });
    expect(error.cause).toBe(cause);
    expect(JSON.stringify(error.toProblem())).not.toContain('/var/lib');
  });
});

describe('invariant', () => {
  it('throws invariant_violated with its details when the condition is false', () => {
    expect(() => invariant(false, 'Two is not three.', { two: 2 })).toThrow(
      expect.objectContaining({ code: 'invariant_violated', message: 'Two is not three.', details: { two: 2 } }),
    );
    expect(() => invariant(1, 'One is truthy.')).not.toThrow();
  });
});
