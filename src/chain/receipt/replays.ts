import { readBundle, writeBundle } from '../../decide/policy/bundle.ts';
import type { Decision } from '../../decide/policy/decision.ts';
import { loadPolicy } from '../../decide/policy/loadPolicy.ts';
import type { Policy } from '../../decide/policy/policy.ts';
import { probe } from '../../decide/policy/probe.ts';

export type Replayed = { digest: string; decision: Decision; resultText: string };

/** The receipts of one payout share a policy, and loading it costs much more than a decision. */
const bundles = new Map<string, Promise<Proven>>();
const policies = new Map<string, Promise<Policy>>();
const BUNDLES_MAX = 8;
const replays = new Map<string, Promise<Replayed>>();
const REPLAYS_MAX = 512;
type Proven = { digest: string; wasm: Uint8Array; data: object };

/**
 * Evaluates the policy on that input. A worker that can be killed tries it first, because a policy may loop on just this input; one
 * that answers there answers here too. Throws if the bundle is not canonical, is no policy, or does not answer in time.
 */
export async function replayIn(bundleText: string, input: string, limitMs: number): Promise<Replayed> {
  const { digest, wasm, data } = await kept(bundles, bundleText, BUNDLES_MAX, async () => prove(bundleText));
  return kept(replays, `${digest} ${input}`, REPLAYS_MAX, async () => {
    await probe(wasm, data, JSON.parse(input), limitMs);
    const limits = { evaluationLimitMs: limitMs, probeLimitMs: Math.max(limitMs, 30_000) };
    const policy = await kept(policies, digest, BUNDLES_MAX, () => loadPolicy(bundleText, limits));
    const { decision, resultText } = policy.evaluate(input);
    return { digest, decision, resultText };
  });
}

function prove(bundleText: string): Proven {
  const { bundle, digest } = readBundle(bundleText);
  if (writeBundle(bundle) !== bundleText) throw new Error('The bundle is not in its canonical form.');
  return { digest, wasm: Uint8Array.from(Buffer.from(bundle.wasm, 'base64')), data: bundle.data };
}

/** Caches the newest `max` results that succeeded. */
function kept<T>(all: Map<string, Promise<T>>, key: string, max: number, make: () => Promise<T>): Promise<T> {
  const known = all.get(key);
  if (known !== undefined) return known;
  const made = make();
  all.set(key, made);
  const [oldest] = all.keys();
  if (all.size > max && oldest !== undefined) all.delete(oldest);
  made.catch(() => all.delete(key));
  return made;
}
