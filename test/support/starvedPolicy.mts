// A process that is stopped while it decides: loads the bundle given, says "ready", decides on each line of standard input.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { loadPolicy } from '../../src/decide/policy/loadPolicy.ts';
import { probeInput } from '../../src/decide/policy/probeInput.ts';

const [bundle = '', limitMs, count] = process.argv.slice(2);
const policy = await loadPolicy(readFileSync(bundle, 'utf8'));
const limited = await loadPolicy(readFileSync(bundle, 'utf8'), { evaluationLimitMs: Number(limitMs) });
const input = probeInput(policy.meters, 'UTC');
const text = JSON.stringify({ ...input, payment: { ...input.payment, amount: 7 } });
process.stdout.write('ready\n');
for await (const _ of createInterface({ input: process.stdin })) {
  const codes: (string | undefined)[] = [];
  let longestMs = 0;
  for (let i = 0; i < Number(count); i += 1) {
    const startedAt = performance.now();
    codes.push(limited.evaluate(text).decision.reasons[0]?.code);
    longestMs = Math.max(longestMs, performance.now() - startedAt);
  }
  process.stdout.write(`${JSON.stringify({ codes, longestMs })}\n`);
  break;
}
