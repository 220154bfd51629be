import { expect, it } from 'vitest';
import { findOperation } from '../operations/registry.ts';
import { type Backend, type BackendAnswer, callLimit } from './backend.ts';

it('lets so many calls through at once, over all backends, and tells the next one to come later', async () => {
  const waiting: (() => void)[] = [];
  const slow: Backend = {
    base: 'http://127.0.0.1',
    call: () => new Promise<BackendAnswer>((resolve) => waiting.push(() => resolve({ ok: true, answer: {} }))),
  };
  const bounded = callLimit(2);
  const [one, other] = [bounded(slow), bounded(slow)];
  const call = (backend: Backend) => backend.call(findOperation('get_payment'), {}, null);
  const running = [call(one), call(other)];
  expect(await call(other)).toMatchObject({ ok: false, problem: { code: 'too_many_requests', retry: 'safe' } });
  waiting.shift()?.();
  await running[0];
  const next = call(one);
  for (const finish of waiting) finish();
  expect(await Promise.all([running[1], next])).toEqual([
    { ok: true, answer: {} },
    { ok: true, answer: {} },
  ]);
});
