import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handMade } from '../../../test/support/handMadePolicy.ts';
import { resolveOpa } from './opa.ts';

let folder: string;
beforeAll(async () => {
  await resolveOpa();
  folder = await mkdtemp(join(tmpdir(), 'bursar-starved-'));
}, 900_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const LIMIT_MS = 50;
/** On the probe at once; on 7 micro-USDC it turns a loop of so many steps first, and then allows. */
const burning = (steps: number): Promise<string> => {
  const answer = (extra: string): string =>
    `{"effect": "allow", "reasons": [{"code": "ok", "rule": "r"${extra}}], "review": null}`;
  const turns = `count([1 | some x in numbers.range(1, ${steps}); some y in numbers.range(1, 100); x + y < 0])`;
  return handMade(
    `meters := {}\n\ndecision := ${answer('')} if input.payment.amount != 7\n\ndecision := ${answer(`, "observed": ${turns}`)} if input.payment.amount == 7`,
  );
};

type Seen = { codes: string[]; longestMs: number };
/** The decisions of a process that is stopped for longer than the limit, over and over, from the moment it begins to decide. */
async function decideStopped(bundle: string, count: number): Promise<Seen> {
  const path = join(folder, 'bundle.json');
  await writeFile(path, bundle);
  const script = ['--import', 'tsx', 'test/support/starvedPolicy.mts', path, String(LIMIT_MS), String(count)];
  const child = spawn(process.execPath, script, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    expect((await lines.next()).value).toBe('ready');
    const answered = lines.next();
    let isAnswered = false;
    void answered.then(() => {
      isAnswered = true;
    });
    child.stdin.write('go\n');
    while (!isAnswered) {
      child.kill('SIGSTOP');
      await pause(LIMIT_MS * 1.5);
      child.kill('SIGCONT');
      await pause(4);
    }
    return JSON.parse((await answered).value) as Seen;
  } finally {
    child.kill('SIGKILL');
  }
}

describe('a decision while the machine runs something else', () => {
  it('is made as ever: only what the policy itself costs counts', async () => {
    const { codes, longestMs } = await decideStopped(await burning(50), 12);
    expect(longestMs).toBeGreaterThan(LIMIT_MS);
    expect(new Set(codes)).toEqual(new Set(['ok']));
  });

  it('is denied all the same where the policy itself takes more than the limit', async () => {
    const { codes } = await decideStopped(await burning(1_500), 1);
    expect(codes).toEqual(['policy_timeout']);
  });
});
