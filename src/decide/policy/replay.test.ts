import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from './loadPolicy.ts';
import { probeInput } from './probeInput.ts';
import { replay } from './replay.ts';
import { readStarterBundle } from './starter.ts';

const bundleText = await readStarterBundle();

describe('replay', () => {
  it('gives the decision, the text and the hashes of the first time', async () => {
    const policy = await loadPolicy(bundleText);
    const inputText = JSON.stringify(probeInput(policy.meters, 'UTC'));
    const first = policy.evaluate(inputText);
    const again = await replay(bundleText, inputText);
    expect(again).toMatchObject({ digest: policy.digest, ...first });
    expect(again.resultHash).toBe(createHash('sha256').update(first.resultText).digest('hex'));
    expect(again.inputHash).toBe(createHash('sha256').update(inputText).digest('hex'));
  });

  it('gives another hash for another input', async () => {
    const input = probeInput({}, 'UTC');
    const [one, two] = await Promise.all([
      replay(bundleText, JSON.stringify(input)),
      replay(bundleText, JSON.stringify({ ...input, agent: { ...input.agent, status: 'frozen' } })),
    ]);
    expect(one.inputHash).not.toBe(two.inputHash);
    expect(one.resultHash).not.toBe(two.resultHash);
  });

  it('refuses a bundle that is not what it says', async () => {
    await expect(replay(bundleText.replace('"50.00"', '"51.00"'), '{}')).rejects.toMatchObject({
      code: 'policy_corrupt',
    });
  });
});
