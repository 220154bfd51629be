import { type Address, BaseError } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { Store } from '../../store/store.ts';
import type { KeyProvider, KeyRole } from '../keys/keys.ts';
import type { Chain } from '../node/chain.ts';
import { DEFAULT_FEE_CAPS, type FeeCaps } from './fees.ts';
import { type Finality, isThere, type Observation, observe } from './observation.ts';
import { sendersThatWait } from './queries.ts';
import { createSenderQueue, type SenderQueue, type SenderQueueReport } from './senderQueue.ts';
import { type SenderQueueAlert, type SenderQueueAlerts, senderQueueAlerts } from './senderQueueAlerts.ts';

/** A key's sender queue, and the store that writes while this server leads it. */
export type LedQueue = { role: KeyRole; store: LedStore };

export type RelayerOptions = {
  /** Only read: what is written goes through the stores of the queues. */
  store: Pick<Store, 'read'>;
  chain: Chain;
  keys: KeyProvider;
  /** The sender queues that this server leads now. No other program may send with these keys. */
  queues: () => readonly LedQueue[];
  /** All addresses that a server of this organisation sends from. Default: those of the queues here. */
  senders?: readonly Address[];
  clock: () => number;
  finality: Finality;
  /** The newest final block by the follower's own verification; null: none yet. Absent: the node's statement is used. */
  provenFinal?: () => Promise<bigint | null>;
  caps?: FeeCaps;
  /** Default 30,000. */
  stuckAfterMs?: number;
  /** Per sender queue. Default 16. */
  inFlightMax?: number;
  /** Between two ticks of the loop. Default 1,000. */
  intervalMs?: number;
  /** Receives errors of a tick that are not the chain's (storage, a signer). The loop continues. */
  onError?: (error: unknown) => void;
};

export type TickReport = {
  /** Why the chain could not be read or trusted; null if it could. */
  chain: 'chain_unavailable' | 'chain_mismatch' | null;
  queues: SenderQueueReport[];
};

export interface Relayer {
  /**
   * Does the due work and returns: confirms, broadcasts again after a crash, replaces stuck attempts, signs queued transactions.
   * Idempotent and serial: a call during another waits. Throws only errors that are not the chain's.
   */
  tick(): Promise<TickReport>;
  start(): void;
  /** Resolves when the current tick ends. */
  stop(): Promise<void>;
  /** Work was queued: do not wait for the interval. */
  wake(): void;
  sender(role: KeyRole): Promise<Address>;
}

const QUEUE_ALERTS = ['chain_inconsistent', 'insufficient_gas', 'fees_above_cap', 'broadcast_refused'] as const;

type Served = { queue: SenderQueue; alerts: SenderQueueAlerts; store: LedStore };

export function createRelayer(options: RelayerOptions): Relayer {
  const { store, chain, keys, clock } = options;
  const subject = `eip155:${chain.chainId}`;
  /** By role, for one term each: a new term begins without what the earlier one remembered. */
  const served = new Map<KeyRole, Served>();
  let turn: Promise<unknown> = Promise.resolve();
  let loop: Promise<void> | null = null;
  let running = false;
  let wakeUp: () => void = () => {};

  /** A key provider that failed may succeed the next time. */
  async function servedNow(): Promise<Served[]> {
    const now: Served[] = [];
    for (const { role, store: led } of options.queues()) {
      const known = served.get(role);
      now.push(known?.store.lead === led.lead ? known : await serve(role, led));
    }
    return now;
  }

  async function serve(role: KeyRole, led: LedStore): Promise<Served> {
    const settings = {
      store: led,
      chain,
      keys,
      clock,
      caps: options.caps ?? DEFAULT_FEE_CAPS,
      stuckAfterMs: options.stuckAfterMs ?? 30_000,
      inFlightMax: options.inFlightMax ?? 16,
    };
    const queue = createSenderQueue(settings, role, await keys.address(role));
    const one = { queue, alerts: senderQueueAlerts(led, clock), store: led };
    served.set(role, one);
    return one;
  }

  async function tickOnce(): Promise<TickReport> {
    const all = await servedNow();
    const alerts = all[0]?.alerts;
    if (!alerts) return { chain: null, queues: [] };
    const expectations = await mapInOrder(all, ({ queue }) => queue.expect());
    const reports: SenderQueueReport[] = [];
    try {
      const stated = await observe(
        chain,
        all.map(({ queue }) => queue.sender),
        options.finality,
      );
      const seen = { ...stated, finalNumber: await believedFinal(stated) };
      for (const [index, { queue, alerts: own }] of all.entries()) {
        const report = await stepOf(queue, expectations[index] ?? (await queue.expect()), seen);
        reports.push(report);
        await noteQueue(own, report);
      }
    } catch (error) {
      const code = chainTrouble(error);
      if (code === null) throw error;
      const message = error instanceof BursarError ? error.message : 'The RPC gave an answer that makes no sense.';
      await alerts.raise(code, subject, { message });
      return { chain: code, queues: reports };
    }
    await alerts.resolve('chain_unavailable', subject);
    await alerts.resolve('chain_mismatch', subject);
    await noteUnserved(alerts, new Set(options.senders ?? all.map(({ queue }) => queue.sender)));
    return { chain: null, queues: reports };
  }

  /** A head or tag that a node invented must not make a transaction final: it would never be sent again. */
  async function believedFinal({ head, finalNumber }: Observation): Promise<bigint> {
    if (!options.provenFinal) return (await isThere(chain, head)) ? finalNumber : -1n;
    const proven = (await options.provenFinal()) ?? -1n;
    return proven < finalNumber ? proven : finalNumber;
  }

  /** A contradiction concerns this sender queue only; the tick continues with the others. */
  async function stepOf(
    queue: SenderQueue,
    before: Awaited<ReturnType<SenderQueue['expect']>>,
    seen: Observation,
  ): Promise<SenderQueueReport> {
    try {
      return await queue.step(before, seen);
    } catch (error) {
      if (!(error instanceof BursarError) || error.code !== 'chain_inconsistent') throw error;
      const trouble = {
        type: 'chain_inconsistent',
        details: { sender: queue.sender, message: error.message },
      } as const;
      const nothing = { mined: 0, final: 0, reorged: 0, taken: 0, signed: 0, sent: 0, replaced: 0, dropped: 0 };
      return { sender: queue.sender, trouble, ...nothing };
    }
  }

  async function noteQueue(alerts: SenderQueueAlerts, { sender, trouble }: SenderQueueReport): Promise<void> {
    for (const type of QUEUE_ALERTS) {
      if (trouble?.type === type) await alerts.raise(type, sender, { chain: subject, ...trouble.details });
      else await alerts.resolve(type, sender);
    }
  }

  /** A transaction queued for a key without a sender queue would wait for ever unnoticed. */
  async function noteUnserved(alerts: SenderQueueAlerts, known: ReadonlySet<Address>): Promise<void> {
    const senders = await store.read((tx) => tx.all(sendersThatWait, { chain: chain.chainId }));
    for (const { sender } of senders) {
      if (!known.has(sender)) await alerts.raise('sender_not_served', sender, { chain: subject });
    }
    for (const sender of known) await alerts.resolve('sender_not_served', sender);
  }

  function tick(): Promise<TickReport> {
    const mine = turn.then(tickOnce);
    turn = mine.catch(() => {});
    return mine;
  }

  async function run(): Promise<void> {
    while (running) {
      const slept = new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
      await tick().catch((error: unknown) => options.onError?.(error));
      if (!running) return;
      const timer = setTimeout(wakeUp, options.intervalMs ?? 1_000);
      await slept;
      clearTimeout(timer);
    }
  }

  return {
    tick,
    start: () => {
      if (running) return;
      running = true;
      loop = run();
    },
    stop: async () => {
      running = false;
      wakeUp();
      await loop;
      await turn;
    },
    wake: () => wakeUp(),
    sender: (role) => keys.address(role),
  };
}

function chainTrouble(error: unknown): Extract<SenderQueueAlert, 'chain_unavailable' | 'chain_mismatch'> | null {
  // An answer that viem cannot parse came from the RPC: it is no working node, and the loop must survive it.
  if (error instanceof BaseError) return 'chain_unavailable';
  if (!(error instanceof BursarError)) return null;
  return error.code === 'chain_unavailable' || error.code === 'chain_mismatch' ? error.code : null;
}
