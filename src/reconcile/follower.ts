import { BursarError } from '../errors/base.ts';
import type { MeterDeclarations } from '../policy/meters.ts';
import { isOpenPayer } from '../receivables/sales.ts';
import type { ReadTx, Store } from '../store/store.ts';
import type { Finality } from '../wallet/observation.ts';
import { type AddressBook, watchedBook } from './addressBook.ts';
import { resolveAlerts } from './alerts.ts';
import { applyFacts } from './applyFacts.ts';
import { type Cursor, insertBlock, isAt, readAnchor, readBlock, readBlocks, readCursor } from './cursor.ts';
import { finalize, needsFinalizing } from './finalize.ts';
import { gatherBlocks, gatherRange, type Segment } from './gather.ts';
import { lapseAuthorizations } from './lapse.ts';
import { guarded, noteOutage, noteRecovery, noteStop } from './outage.ts';
import { rollBack } from './rollBack.ts';
import type { BlockHeader, ChainSource } from './source.ts';
import { takeOver } from './takeOver.ts';

export type FollowerOptions = {
  store: Store;
  chain: ChainSource;
  /** Epoch ms. */
  clock: () => number;
  chainId: number;
  finality: Finality;
  /** The meters of the policy in force. Default: none, so refunds give no budget back. */
  meters?: () => MeterDeclarations;
  /** Where the books begin when there are none yet: the last block of no interest. Default: the newest final one. */
  startBlock?: bigint;
  /** Blocks applied in one tick at most. Default 2,000. */
  maxBlocksPerTick?: number;
  /** Final blocks asked for in one go. Default 1,000: what public RPCs allow. */
  blocksPerRange?: number;
};

/**
 * `synced`: up to the head. `behind`: there is more, tick again. `waiting`: the node is behind us, or changed its mind while it
 * was asked. `unavailable`: no answer. `stopped`: for good, see the error; no tick does anything any more.
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
  /** One bounded step towards the head. Idempotent; a call during a tick shares it. Rejects only when the store fails. */
  tick(): Promise<TickReport>;
}

/** Blocks near the head are asked for one by one; this many at a time. */
const BLOCKS_PER_BATCH = 20;

/**
 * Makes the books follow the chain. Whatever is needed of the chain is asked first and then applied in one write, which does
 * nothing if the books have moved since; all progress is in the store, so a new follower goes on where an old one was killed.
 */
export function createFollower(options: FollowerOptions): Follower {
  const { store, clock, chainId } = options;
  const chain = guarded(options.chain);
  const maxBlocks = BigInt(options.maxBlocksPerTick ?? 2_000);
  const perRange = BigInt(options.blocksPerRange ?? 1_000);
  let lapseAfter = '';
  let stopped: BursarError | null = null;
  let running: Promise<TickReport> | null = null;

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
    } catch (error) {
      if (!(error instanceof BursarError)) throw error;
      report.error = error;
      if (error.code === 'chain_unavailable') {
        report.status = 'unavailable';
        await noteOutage(store, chainId, error, clock());
      } else if (error.code === 'chain_mismatch' || error.code === 'chain_inconsistent') {
        report.status = 'stopped';
        stopped = error;
        await noteStop(store, chainId, error, clock());
      } else throw error;
    }
    report.cursor = store.read((tx) => readCursor(tx, chainId))?.number ?? null;
    report.final = store.read((tx) => readAnchor(tx, chainId))?.number ?? null;
    return report;
  }

  async function step(report: TickReport): Promise<TickReport['status']> {
    const head = await chain.head();
    report.head = head.number;
    const final = await finalBlock(head);
    let cursor = store.read((tx) => readCursor(tx, chainId)) ?? (await begin(final));
    if (!cursor) return 'waiting';
    const branch = await compare(cursor, head);
    if (branch === 'behind') return 'waiting';
    if (branch === 'forked') {
      cursor = await goBack(cursor, report);
      if (!cursor) return 'waiting';
    }
    for (let taken: 'done' | 'more' | 'moved' = 'more'; taken !== 'done'; ) {
      taken = await takeOver(store, chain, chainId, clock);
      if (taken === 'moved') return 'waiting';
    }
    const status = await advance(cursor, head, final ?? 0n, report);
    if (final !== null && store.read((tx) => needsFinalizing(tx, chainId, final))) {
      await store.write((tx) => finalize(tx, chainId, final, clock()));
    }
    const [anchor, now] = store.read((tx) => [readAnchor(tx, chainId), readCursor(tx, chainId)]);
    if (anchor && now) {
      lapseAfter = await lapseAuthorizations(store, chain, { chainId, anchor, cursor: now, after: lapseAfter, clock });
    }
    return status;
  }

  /** Null: nothing more than before is known to be final. */
  async function finalBlock(head: BlockHeader): Promise<bigint | null> {
    if (options.finality.kind === 'tag') return chain.finalized();
    const depth = BigInt(options.finality.blocks);
    return head.number > depth ? head.number - depth : 0n;
  }

  async function begin(final: bigint | null): Promise<Cursor | null> {
    const number = options.startBlock ?? final;
    const header = number === null ? null : await chain.header(number);
    if (!header) return null;
    await store.write((tx) => {
      if (!readCursor(tx, chainId)) insertBlock(tx, chainId, header);
    });
    return store.read((tx) => readCursor(tx, chainId));
  }

  async function compare(cursor: Cursor, head: BlockHeader): Promise<'same' | 'forked' | 'behind'> {
    if (head.number > cursor.number) {
      const next = await chain.header(cursor.number + 1n);
      if (!next) return 'behind';
      return next.parentHash === cursor.hash ? 'same' : 'forked';
    }
    if (head.number === cursor.number) return head.hash === cursor.hash ? 'same' : 'forked';
    const known = store.read((tx) => readBlock(tx, chainId, head.number));
    if (known) return known.hash === head.hash ? 'behind' : 'forked';
    const message = `The RPC is at block ${head.number}, below what is final here: it is syncing, or its chain was made anew.`;
    throw new BursarError('chain_unavailable', { message });
  }

  /** Undoes blocks down to the newest one that the chain still has. Throws `chain_inconsistent` where a final one is gone. */
  async function goBack(cursor: Cursor, report: TickReport): Promise<Cursor | null> {
    const kept = store.read((tx) => readBlocks(tx, chainId));
    for (const block of kept) {
      const header = await chain.header(block.number);
      if (header?.hash === block.hash) {
        // It is the cursor itself when the node changed its mind back.
        if (block.number === cursor.number) return null;
        const undone = await store.write((tx) => rollBack(tx, chainId, cursor, block, clock()));
        if (undone === null) return null;
        report.rolledBack += Number(cursor.number - block.number);
        return block;
      }
      if (header && block === kept.at(-1)) throw inconsistent(block, header);
    }
    return null;
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
      const book = store.read((tx) => watchedBook(tx, chainId));
      const isFinal = cursor.number < final;
      const to = least(
        target,
        isFinal ? least(final, cursor.number + perRange) : cursor.number + BigInt(BLOCKS_PER_BATCH),
      );
      const segment = await (isFinal ? gatherRange : gatherBlocks)(chain, book, cursor, to);
      if (!segment) return 'waiting';
      const at = cursor;
      const next = await store.write((tx) => {
        if (!isAt(tx, chainId, at) || missesPayer(tx, chainId, segment, book)) return null;
        for (const header of segment.headers) insertBlock(tx, chainId, header);
        const meters = options.meters?.() ?? {};
        for (const { header, facts } of segment.blocks) {
          applyFacts(tx, header, facts, { chainId, book, atMs: clock(), meters });
        }
        if (report.applied === 0) {
          resolveAlerts(tx, 'chain_inconsistent', clock());
          resolveAlerts(tx, 'chain_mismatch', clock());
        }
        return newestOf(segment);
      });
      if (!next) return 'behind';
      report.applied += Number(next.number - cursor.number);
      cursor = next;
    }
    return cursor.number < head.number ? 'behind' : 'synced';
  }

  return {
    tick: () => {
      running ??= tick().finally(() => {
        running = null;
      });
      return running;
    },
  };
}

/** A sale was announced after the logs were asked for: its payer's authorization is among those that must be seen. */
function missesPayer(tx: ReadTx, chainId: number, segment: Segment, book: AddressBook): boolean {
  return segment.blocks.some(({ facts }) =>
    facts.some(
      (fact) =>
        fact.type === 'transfer' &&
        book.party(fact.from) === null &&
        !book.isPayer(fact.from) &&
        isOpenPayer(tx, chainId, fact.from),
    ),
  );
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

function newestOf(segment: Segment): Cursor | null {
  const header = segment.headers.at(-1);
  return header ? { number: header.number, hash: header.hash, timestampS: header.timestampS } : null;
}

function inconsistent(known: Cursor, told: BlockHeader): BursarError {
  return new BursarError('chain_inconsistent', {
    message: `Block ${known.number} was final as ${known.hash}, and the RPC now says ${told.hash}.`,
    details: { block: known.number.toString(), known: known.hash, told: told.hash },
  });
}
