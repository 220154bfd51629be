import { expect, it } from 'vitest';
import { oneAtATime } from './oneAtATime.ts';

it('runs once at a time, and those who ask meanwhile share the next run', async () => {
  let runs = 0;
  let together = 0;
  let most = 0;
  const job = oneAtATime(async () => {
    runs += 1;
    together += 1;
    most = Math.max(most, together);
    await new Promise((resolve) => setImmediate(resolve));
    together -= 1;
    if (runs === 2) throw new Error('the second fails');
    return runs;
  });
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => job()));
  expect(most).toBe(1);
  expect(runs).toBe(2);
  expect(answers[0]).toMatchObject({ status: 'fulfilled', value: 1 });
  for (const answer of answers.slice(1)) expect(answer.status).toBe('rejected');
  expect(await job()).toBe(3);
});
