import { resolveAlerts } from '../../books/ledger/alerts.ts';
import type { MeterDeclarations } from '../../books/meters/declarations.ts';
import { isOpenPayer } from '../../books/receivables/sales.ts';
import { BursarError } from '../../core/errors/base.ts';
import { someInOrder } from '../../core/inOrder.ts';
import { chainStopError, readChainStop } from '../../decide/payments/chainStops.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { ReadTx } from '../../store/store.ts';
import { type AddressBook, watchedBook } from '../match/addressBook.ts';
import { applyFacts } from '../match/applyFacts.ts';
import type { BlockHeader, ChainSource } from '../node/source.ts';
import type { Finality } from '../relayer/observation.ts';
import { markChecked } from './balances.ts';
import { beginAt, compareBranches, goBack } from './branch.ts';
import { audit, confirmSegment } from './confirm.ts';
import { type Cursor, insertBlock, isAt, readAnchor, readCursor } from './cursor.ts';
import { noteDoubt, settleDoubts } from './doubts.ts';
import { provenFinal, statedFinal } from './finality.ts';
import { finalize, needsFinalizing } from './finalize.ts';
import { gatherBlocks, gatherRange, type Segment } from './gather.ts';
import { lapseAuthorizations } from './lapse.ts';
import { guarded, noteOutage, noteRecovery, noteStop } from './outage.ts';
import { type Recovery, type RequestedRecovery, recoverFrom } from './recover.ts';
import { startWatching } from './startWatching.ts';
import { noteFinalGone, noteStopEnded } from './stops.ts';

export type FollowerOptions = {
  store: LedStore;
  chain: ChainSource;
  /** Epoch ms. */
  clock: () => number;
  chainId: number;
  finality: Finality;
  /** The meters of the active policy. Default: none, so refunds return nothing to a meter. */
  meters?: (tx: ReadTx) => Promise<MeterDeclarations>;
  /** The block before the first one that the books need, when they are empty. Default: the newest final one. */
  startBlock?: bigint;
  /** The largest number of blocks applied in one tick. Default 2,000. */
  maxBlocksPerTick?: number;
  /** The number of final blocks in one request. Default 1,000, which public RPCs permit. */
  blocksPerRange?: number;
  /** Other nodes of the same chain, asked when answers of the first one contradict each other. */
  witnesses?: readonly ChainSource[];
};

/**
 * `synced`: up to the head. `behind`: more blocks are left, tick again. `waiting`: the node is behind the books, changed its branch
 * while it was asked, or contradicts itself (see the error). `unavailable`: no answer. `stopped`: a final block was replaced, until
 * the chain agrees again or an operator has it read again; or, permanently, the node is of another chain.
 */
export type TickReport = {
  status: 'synced' | 'behind' | 'waiting' | 'unavailable' | 'stopped';
  head: bigint | null;
  cursor: bigint | null;
  final: bigint | null;
  applied: number;
  rolledBack: number;
  error: BursarError | null;
};

export interface Follower {
  /** Does one bounded step towards the head. Idempotent; a call during a tick shares it. Rejects only when the store fails. */
  tick(): Promise<TickReport>;
  /** The report of the last step; null before the first one. */
  last(): TickReport | null;
  /** Reads the chain again from a block on, between two steps; see `recover.ts`. */
  recover(requested: RequestedRecovery): Promise<Recovery>;
}

/** The number of blocks near the head that are requested at a time, one by one. */
const BLOCKS_PER_BATCH = 20;
/** The number of steps without progress after which an alert is raised: nodes behind one address are often a block apart. */
const STALLED_STEPS = 5;

/**
 * Makes the books follow the chain. Each step first reads what it needs from the chain and then applies it in one write, which does
 * nothing if the books changed meanwhile. All progress is in the store, so a new follower continues where an old one was killed.
 */
export function createFollower(options: FollowerOptions): Follower {
  const { store, clock, chainId } = options;
  const chain = guarded(options.chain);
  const maxBlocks = BigInt(options.maxBlocksPerTick ?? 2_000);
  const perRange = BigInt(options.blocksPerRange ?? 1_000);
  const meters = async (tx: ReadTx): Promise<MeterDeclarations> => (await options.meters?.(tx)) ?? {};
  const witnesses = (options.witnesses ?? []).map(guarded);
  const following = { store, chainId, chain, witnesses, clock, meters };
  let lapseAfter = '';
  let stopped: BursarError | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  let running: Promise<TickReport> | null = null;
  let latest: TickReport | null = null;
  let idle = 0;
  /** The cursor at which this process last compared books and chain. */
  let compared: Cursor | null = null;

  async function tick(): Promise<TickReport> {
    const report: TickReport = {
      status: 'waiting',
      head: null,
      cursor: null,
      final: null,
      applied: 0,
      rolledBack: 0,
      error: stopped,
    };
    try {
      report.status = stopped ? 'stopped' : await step(report);
      if (!stopped) await noteRecovery(store, chainId, clock());
      await noteProgress(report);
    } catch (error) {
      if (!(error instanceof BursarError)) throw error;
      await noteTrouble(report, error);
    }
    report.cursor = (await store.read((tx) => readCursor(tx, chainId)))?.number ?? null;
    report.final = (await store.read((tx) => readAnchor(tx, chainId)))?.number ?? null;
    latest = report;
    return report;
  }

  async function noteTrouble(report: TickReport, error: BursarError): Promise<void> {
    report.error = error;
    if (error.code === 'chain_unavailable') {
      report.status = 'unavailable';
      await noteOutage(store, chainId, error, clock());
    } else if (error.code === 'chain_inconsistent') {
      report.status = 'waiting';
      await noteDoubt(following, 'chain_contradiction', error);
    } else if (error.code === 'chain_mismatch') {
      report.status = 'stopped';
      stopped = error;
      await noteStop(store, chainId, error, clock());
    } else throw error;
  }

  async function noteProgress(report: TickReport): Promise<void> {
    if (report.status !== 'waiting') {
      idle = 0;
      if (report.status !== 'stopped' && !report.error) await settleDoubts(store, chainId, clock());
      return;
    }
    idle += 1;
    if (idle < STALLED_STEPS) return;
    const message = `The RPC does not give the blocks that follow what is known here, or that it announced (head ${report.head}).`;
    await noteDoubt(following, 'chain_behind', { message });
  }

  async function step(report: TickReport): Promise<TickReport['status']> {
    if (await isStopped(report)) return 'stopped';
    const head = await chain.head();
    report.head = head.number;
    const stated = await statedFinal(chain, options.finality, head);
    let cursor =
      (await store.read((tx) => readCursor(tx, chainId))) ??
      (await beginAt(following, options.startBlock ?? stated, head));
    if (!cursor) return 'waiting';
    const branch = await compareBranches(following, cursor, head);
    if (branch === 'behind') return 'waiting';
    if (branch === 'forked') {
      const back = await goBack(following, cursor);
      if (back === 'stopped') return (await isStopped(report)) ? 'stopped' : 'waiting';
      if (!back) return 'waiting';
      report.rolledBack += Number(cursor.number - back.number);
      cursor = back;
    }
    for (let taken: 'done' | 'more' | 'moved' = 'more'; taken !== 'done'; ) {
      taken = await startWatching(store, chain, chainId, clock);
      if (taken === 'moved') return 'waiting';
    }
    const status = await advance(cursor, head, stated ?? 0n, report);
    const final = await provenFinal(following, options.finality, stated);
    if (final !== null && (await store.read((tx) => needsFinalizing(tx, chainId, final)))) {
      await store.write((tx) => finalize(tx, chainId, final, clock()));
    }
    const [anchor, now] = await store.read(async (tx) => [
      await readAnchor(tx, chainId),
      await readCursor(tx, chainId),
    ]);
    if (anchor && now) {
      lapseAfter = await lapseAuthorizations(store, chain, { chainId, anchor, cursor: now, after: lapseAfter, clock });
    }
    return status === 'synced' && now ? await audited(now, report) : status;
  }

  /** Tells whether a final block was replaced; a chain that has it again continues. */
  async function isStopped(report: TickReport): Promise<boolean> {
    const { stop, anchor } = await store.read(async (tx) => ({
      stop: await readChainStop(tx, chainId),
      anchor: await readAnchor(tx, chainId),
    }));
    if (!stop) return false;
    const told = anchor && (await chain.header(anchor.number));
    if (!told || told.hash !== anchor.hash) {
      if (told) await noteFinalGone(following, anchor, told);
      report.error = chainStopError(chainId, stop);
      return true;
    }
    await store.write((tx) => noteStopEnded(tx, chainId, 'agreed', clock()));
    return false;
  }

  async function advance(
    start: Cursor,
    head: BlockHeader,
    final: bigint,
    report: TickReport,
  ): Promise<TickReport['status']> {
    let cursor = start;
    const target = least(head.number, start.number + maxBlocks);
    while (cursor.number < target) {
      const book = await store.read((tx) => watchedBook(tx, chainId));
      const isFinal = cursor.number < final;
      const to = least(
        target,
        isFinal ? least(final, cursor.number + perRange) : cursor.number + BigInt(BLOCKS_PER_BATCH),
      );
      const gathered = await (isFinal ? gatherRange : gatherBlocks)(chain, book, cursor, to);
      if (!gathered) return 'waiting';
      const isHead = to === head.number;
      const confirmed = isHead
        ? await confirmSegment(following, book, cursor, gathered)
        : { segment: gathered, agrees: false };
      if (confirmed === 'moved') return 'waiting';
      if (confirmed === 'healed') return 'behind';
      const { segment, agrees } = confirmed;
      const at = cursor;
      const next = await store.write(async (tx) => {
        if (!(await isAt(tx, chainId, at)) || (await missesPayer(tx, chainId, segment, book))) return null;
        const context = { chainId, book, atMs: clock(), meters: await meters(tx) };
        for (const header of segment.headers) await insertBlock(tx, chainId, header);
        for (const { header, facts } of segment.blocks) {
          await applyFacts(tx, header, facts, context);
        }
        if (agrees && chain.balancesOf) await markChecked(tx, chainId, to);
        if (report.applied === 0) await resolveAlerts(tx, 'chain_mismatch', clock());
        return newestOf(segment);
      });
      if (!next) return 'behind';
      report.applied += Number(next.number - cursor.number);
      cursor = next;
      if (agrees) compared = cursor;
    }
    return cursor.number < head.number ? 'behind' : 'synced';
  }

  /** Late findings are reported and do not delay other work. */
  async function audited(cursor: Cursor, report: TickReport): Promise<TickReport['status']> {
    const found = await audit(following, cursor, compared?.hash === cursor.hash);
    if (found === 'healed') return 'behind';
    if (found === 'moved') return 'waiting';
    report.error = found;
    if (found) await noteDoubt(following, 'chain_contradiction', found);
    else compared = cursor;
    return 'synced';
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  }

  return {
    tick: () => {
      running ??= inTurn(tick).finally(() => {
        running = null;
      });
      return running;
    },
    last: () => latest,
    recover: (requested) => inTurn(() => recoverFrom(following, requested)),
  };
}

/** A sale was announced after the logs were read: the authorization of its payer must be among them. */
async function missesPayer(tx: ReadTx, chainId: number, segment: Segment, book: AddressBook): Promise<boolean> {
  return someInOrder(segment.blocks, ({ facts }) =>
    someInOrder(
      facts,
      async (fact) =>
        fact.type === 'transfer' &&
        book.party(fact.from) === null &&
        !book.isPayer(fact.from) &&
        (await isOpenPayer(tx, chainId, fact.from)),
    ),
  );
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

function newestOf(segment: Segment): Cursor | null {
  const header = segment.headers.at(-1);
  return header ? { number: header.number, hash: header.hash, timestampS: header.timestampS } : null;
}
