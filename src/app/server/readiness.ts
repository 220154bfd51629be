import type { TickReport } from '../../chain/follow/follower.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { readChainStop } from '../../decide/payments/chainStops.ts';
import type { Store } from '../../store/store.ts';

type Check = { name: string; ok: boolean; detail: string };
export type Readiness = { ready: boolean; checks: Check[] };

/** Anyone may ask: one look for all who ask within this time. */
const KEPT_MS = 1_000;
/** A database or a node that does not answer within this time is not ready. */
const TIMEOUT_MS = 3_000;
/** How long the answer of this server's node counts where another server follows the chain. */
const NODE_MS = 10_000;

/**
 * The conditions to decide payments here: a server that is not stopping, a database that accepts commits, a chain that answers and does
 * not contradict the books, a policy.
 */
export function createReadiness(parts: {
  store: Store;
  chain: Pick<Chain, 'chainId' | 'run'>;
  hasPolicy: () => boolean;
  stopping: AbortSignal;
  /** The last step of the follower here; null: another server follows, or there was none. */
  followed: () => TickReport | null;
  /** This server follows the chain. */
  follows: () => boolean;
  monotonic?: () => number;
}): () => Promise<Readiness> {
  const { store, chain, stopping } = parts;
  const monotonic = parts.monotonic ?? (() => performance.now());
  let kept: { answer: Promise<Readiness>; untilMs: number } | null = null;
  let node: { ok: boolean; untilMs: number } | null = null;

  async function nodeAnswers(): Promise<boolean> {
    if (node && monotonic() < node.untilMs) return node.ok;
    const ok = await within(chain.run((client) => client.getBlockNumber({ cacheTime: 0 }))).then(
      () => true,
      () => false,
    );
    node = { ok, untilMs: monotonic() + (ok ? NODE_MS : KEPT_MS) };
    return ok;
  }

  async function chainCheck(): Promise<Check> {
    const name = 'chain';
    const stop = await within(store.read((tx) => readChainStop(tx, chain.chainId)));
    if (stop) {
      const detail = `The chain contradicts block ${stop.blockNumber}, which was final. Payments are refused; see \`bursar recover\`.`;
      return { name, ok: false, detail };
    }
    if (!parts.follows()) {
      const ok = await nodeAnswers();
      const detail = ok ? 'Another server follows it, and the node here answers.' : 'The node does not answer.';
      return { name, ok, detail };
    }
    const last = parts.followed();
    if (!last) return { name, ok: false, detail: 'The chain has not been asked yet.' };
    if (last.status === 'unavailable' || last.status === 'stopped') {
      return { name, ok: false, detail: 'The chain cannot be followed; see the alerts.' };
    }
    return { name, ok: true, detail: `Followed up to block ${last.cursor ?? 'none'}.` };
  }

  async function look(): Promise<Readiness> {
    const checks = await Promise.all([
      databaseCheck(store),
      chainCheck().catch(() => ({
        name: 'chain',
        ok: false,
        detail: 'It is not known: the database does not answer.',
      })),
      policyCheck(parts.hasPolicy()),
    ]);
    return { ready: checks.every(({ ok }) => ok), checks };
  }

  return async () => {
    if (!kept || monotonic() >= kept.untilMs) kept = { answer: look(), untilMs: monotonic() + KEPT_MS };
    const { ready, checks } = await kept.answer;
    if (!stopping.aborted) return { ready, checks };
    const stop = { name: 'server', ok: false, detail: 'It is stopping: requests in flight are finished.' };
    return { ready: false, checks: [stop, ...checks] };
  };
}

async function databaseCheck(store: Store): Promise<Check> {
  const name = 'database';
  try {
    await within(store.write(async () => undefined));
    return { name, ok: true, detail: 'The database takes commits.' };
  } catch {
    return { name, ok: false, detail: 'The database takes no commit; see the server log.' };
  }
}

function policyCheck(hasPolicy: boolean): Check {
  const detail = hasPolicy ? 'A policy is active.' : 'No policy is active, so every payment is refused.';
  return { name: 'policy', ok: hasPolicy, detail };
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
