import type { Address, Hex } from 'viem';
import { appendEvent } from '../../books/ledger/events.ts';
import { anchorsOf, newestAnchor, openAnchors, type StoredAnchor } from '../../books/transparency/anchorRows.ts';
import { type Head, type HeadOptions, newestHead, signHead } from '../../books/transparency/heads.ts';
import { rootOf } from '../../books/transparency/merkle.ts';
import { growTiles, logSize, storedTree } from '../../books/transparency/tree.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { Chain } from '../node/chain.ts';
import { outcomeOf } from '../relayer/outcomes.ts';
import { enqueueTransaction } from '../relayer/transactions.ts';
import { anchorCall, readAnchorers, readLatestAnchor, setAnchorerCall } from './anchorCall.ts';
import { addAnchor, firstEventTime, newsAfter, noteAnchor } from './queries.ts';

export type AnchoringOptions = HeadOptions & {
  chain: Chain;
  /** Null if there is no registry: heads are then written only to the file and to notices. */
  registry: Address | null;
  /** The senders of the relayer here, in order of preference: the anchorer's key, then the owner's. */
  senders: readonly Address[];
  /** The time between two heads. */
  everyMs: number;
  wake: () => void;
};

/** The current cost of one anchor. `balanceWei` is the balance of its sender. */
export type AnchorCost = {
  size: number;
  root: string;
  registry: Address;
  sender: Address;
  gas: bigint;
  costWei: bigint;
  balanceWei: bigint;
  latest: { size: number; timeS: number } | null;
};
/** `notSent`: why the head is not anchored, and the call that the registry's owner could make. */
export type Anchored = {
  head: Head;
  anchor: StoredAnchor | null;
  notSent: { reason: string; call: { to: Address; data: Hex } | null } | null;
};

type Price = { gas: bigint; costWei: bigint; balanceWei: bigint };

export interface Anchoring {
  /** Throws `not_configured`, `conflict` (nothing new, a log without events), `chain_unavailable`. */
  cost(): Promise<AnchorCost>;
  /**
   * Signs the head and, if requested and possible, queues its anchor. Throws `conflict` for a log without events,
   * `log_inconsistent`.
   */
  anchor(actor: string, onChain: boolean): Promise<Anchored>;
  list(limit: number): Promise<StoredAnchor[]>;
  /** Records the results of anchors, stores full tiles, and signs and anchors a head when one is due. */
  tick(): Promise<void>;
}

/** The number of tiles stored in one tick: a busy server catches up over many ticks, and no payment waits. */
const TILES_PER_TICK = 16;
/** The wait after an anchor that failed, and while the chain does not answer. */
const RETRY_MS = 3_600_000;

export function createAnchoring(options: AnchoringOptions): Anchoring {
  const { store, chain, registry, clock, everyMs } = options;
  let retryAtMs = 0;
  let turn: Promise<unknown> = Promise.resolve();

  /** One head at a time: two would sign the same log twice. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  }

  async function cost(): Promise<AnchorCost> {
    const { to, sender } = await route();
    const { size, root } = await store.read(async (tx) => {
      const now = await logSize(tx);
      return { size: now, root: (await rootOf(storedTree(tx), now)).toString('hex') };
    });
    if (size === 0) throw new BursarError('conflict', { message: 'The event log is empty.' });
    const latest = await readLatestAnchor(chain, to, sender);
    if (latest && latest.size >= size) {
      throw new BursarError('conflict', { message: `The registry has an anchor of ${latest.size} events already.` });
    }
    return { size, root, registry: to, sender, ...(await priceOf(to, sender, { size, root })), latest };
  }

  async function priceOf(to: Address, sender: Address, head: { size: number; root: string }): Promise<Price> {
    const call = anchorCall(to, head.size, head.root);
    try {
      const [gas, gasPrice, balanceWei] = await chain.run((client) =>
        Promise.all([
          client.estimateGas({ account: sender, ...call }),
          client.getGasPrice(),
          client.getBalance({ address: sender }),
        ]),
      );
      return { gas, costWei: gas * gasPrice, balanceWei };
    } catch (error) {
      if (error instanceof BursarError) throw error;
      const why = error instanceof Error ? error.message.split('\n')[0] : 'no reason given';
      throw new BursarError('conflict', { message: `The registry would refuse this anchor: ${why}`, cause: error });
    }
  }

  /** Returns the key that anchors. Throws `not_configured` with the call that the owner must make. */
  async function route(): Promise<{ to: Address; sender: Address }> {
    if (registry === null) throw new BursarError('not_configured', { message: 'This chain has no policy registry.' });
    const may = await readAnchorers(chain, registry);
    const sender = options.senders.find((each) => each === may.anchorer || each === may.owner);
    if (sender) return { to: registry, sender };
    const [own] = options.senders;
    throw new BursarError('not_configured', {
      message: `The registry's owner ${may.owner} must name the anchorer of this server first.`,
      details: own ? { ...setAnchorerCall(registry, own) } : {},
    });
  }

  async function anchor(actor: string, onChain: boolean): Promise<Anchored> {
    const head = await signHead(options, actor);
    if (head === null) throw new BursarError('conflict', { message: 'The event log is empty.' });
    if (!onChain) return { head, anchor: null, notSent: { reason: 'Not asked for.', call: null } };
    try {
      return { head, anchor: await queue(head, actor), notSent: null };
    } catch (error) {
      // The head is signed and outside the database in any case: that needs no chain.
      if (!(error instanceof BursarError)) throw error;
      const { to, data } = error.details as { to?: Address; data?: Hex };
      return { head, anchor: null, notSent: { reason: error.message, call: to && data ? { to, data } : null } };
    }
  }

  async function queue(head: Head, actor: string): Promise<StoredAnchor> {
    const { to, sender } = await route();
    const [open] = await store.read((tx) => openAnchors(tx, chain.chainId));
    if (open && open.size <= head.size && open.sender === sender) return open;
    const latest = await readLatestAnchor(chain, to, sender);
    if (latest && latest.size >= head.size) {
      throw new BursarError('conflict', {
        message: `The registry has an anchor of ${latest.size} events by ${sender}; this head has ${head.size}.`,
      });
    }
    const { gas, costWei, balanceWei } = await priceOf(to, sender, head);
    if (balanceWei < costWei) {
      throw new BursarError('insufficient_gas', {
        message: `${sender} has ${balanceWei} wei and an anchor costs about ${costWei} wei.`,
      });
    }
    const id = await store.write(async (tx) => {
      const transaction = await enqueueTransaction(tx, {
        chainId: chain.chainId,
        sender,
        ...anchorCall(to, head.size, head.root),
        purpose: `anchor:${head.size}`,
        paymentIds: [],
        atMs: clock(),
      });
      await tx.run(addAnchor, {
        transaction: transaction.id,
        size: head.size,
        registry: to,
        sender,
        by: actor,
        gas,
        wei: costWei.toString(),
      });
      return transaction.id;
    });
    options.wake();
    const [queued] = await store.read((tx) => anchorsOf(tx, { id }));
    if (!queued) throw new BursarError('invariant_violated', { message: 'A queued anchor is not there.' });
    return queued;
  }

  async function tick(): Promise<void> {
    await growTiles(store, TILES_PER_TICK, () => new Promise((resolve) => setImmediate(resolve)));
    await noteEnds();
    const nowMs = clock();
    const due = await store.read((tx) => dueOf(tx, nowMs - everyMs));
    if (!due.head && !due.anchor) return;
    if (due.head) await inTurn(() => anchor('bursar', false));
    const head = await store.read(newestHead);
    if (!due.anchor || head === null || registry === null || nowMs < retryAtMs) return;
    retryAtMs = nowMs + RETRY_MS;
    await inTurn(() => queue(head, 'bursar')).catch((error: unknown) => {
      // Without a chain or a sender, only the file has the head; anchoring is tried again in an hour.
      if (!(error instanceof BursarError)) throw error;
    });
  }

  async function noteEnds(): Promise<void> {
    for (const open of await store.read((tx) => openAnchors(tx, chain.chainId))) {
      const outcome = await store.read((tx) => outcomeOf(tx, open.transactionId));
      if (outcome === null || (outcome.kind !== 'final' && outcome.kind !== 'dropped')) continue;
      await store.write((tx) => noteEnd(tx, open, clock()));
    }
  }

  return {
    cost,
    anchor: (actor, onChain) => inTurn(() => anchor(actor, onChain)),
    list: (limit) => store.read((tx) => anchorsOf(tx, { limit })),
    tick,
  };
}

/**
 * Tells whether a head, and an anchor, is due: none is younger than `beforeMs`, and there are newer events that are not about
 * heads.
 */
async function dueOf(tx: ReadTx, beforeMs: number): Promise<{ head: boolean; anchor: boolean }> {
  const first = await tx.get(firstEventTime);
  if (!first) return { head: false, anchor: false };
  const head = await newestHead(tx);
  const anchored = await newestAnchor(tx);
  const news = async (size: number): Promise<boolean> => (await tx.get(newsAfter, { size })) !== undefined;
  return {
    head: Number(head?.signedAtMs ?? first.at) <= beforeMs && (await news(head?.size ?? 0)),
    anchor: Number(anchored?.queuedAtMs ?? first.at) <= beforeMs && (await news(anchored?.size ?? 0)),
  };
}

async function noteEnd(tx: Tx, open: StoredAnchor, atMs: number): Promise<void> {
  const row = (await anchorsOf(tx, { id: open.transactionId }))[0];
  if (!row || (await tx.run(noteAnchor, { transaction: row.transactionId })) === 0) return;
  const { size, root, registry, sender, txHash, block, gasUsed, costWei } = row;
  const data = {
    size,
    root,
    registry,
    sender,
    transaction: Number(row.transactionId),
    tx_hash: txHash,
    block: block?.toString() ?? null,
    gas_used: gasUsed?.toString() ?? null,
    cost_wei: costWei?.toString() ?? null,
  };
  const isThere = row.state === 'final';
  await appendEvent(
    tx,
    {
      type: isThere ? 'log.anchored' : 'log.anchor_failed',
      actor: 'bursar',
      data: isThere ? data : { ...data, reason: row.reason },
    },
    atMs,
  );
}
