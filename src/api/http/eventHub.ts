import { setTimeout as pause } from 'node:timers/promises';
import { eventHead } from '../../books/ledger/queries.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { App } from '../operations/app.ts';
import { type EventView, eventsAfter } from '../operations/reports/events.ts';

const POLL_MS = 200;
/** How often the keys of open streams are checked while there are no new events. */
const CHECK_MS = 1_000;
const HEARTBEAT_MS = 15_000;
/** The number of events in one write to a stream, and of rows in one read of the log. */
const PAGE = 200;
const SCAN = 2_000;
/** The newest events in their sent form, for all streams that are not behind. */
const KEPT = 1_000;

export type Subscription = {
  /** Null: the whole log. */
  agent: string | null;
  /** Streams of one key or session share a check. */
  credential: string;
  /** Throws when the key or session is no longer valid. */
  check: () => unknown;
  /** The last `seq` that the stream has. */
  after: number;
};
/** The next step: text to send, or the reason why the stream ends. */
export type Next = { text: string } | { end: BursarError };
export type Subscriber = {
  /** Resolves as soon as there is something to send. Returns `closed` after `close` was called. */
  next(): Promise<Next | 'closed'>;
  close(): void;
};

type Member = Subscription & { end: BursarError | null; beat: boolean; closed: boolean; wake: () => void };
type Frame = { seq: number; agent: string | null; text: string };

/**
 * One reader of the event log for all streams. It polls while there are streams, keeps the newest events as text, and wakes the
 * streams that they concern. A stream that is behind reads the log page by page, one stream at a time and at most half of the time,
 * so that streams cannot block the server. Nothing is buffered for a slow reader: it continues from its `seq`.
 */
export function createEventHub(app: App): {
  subscribe(subscription: Subscription): Promise<Subscriber>;
  size(): number;
} {
  const members = new Set<Member>();
  let frames: Frame[] = [];
  /** `frames` hold every event in (floor, head]. */
  let floor = 0;
  let head = 0;
  /** Ends when the reader has found the end of the log. Null: nobody reads it. */
  let started: Promise<void> | null = null;
  let checkedAtMs = 0;
  let beatAtMs = 0;
  let turn: Promise<unknown> = Promise.resolve();

  app.stopping.addEventListener('abort', () => endAll(members, new BursarError('server_stopping')), { once: true });

  async function start(): Promise<void> {
    head = await app.store.read(async (tx) => Number((await tx.get(eventHead))?.seq ?? 0));
    floor = head;
    frames = [];
    checkedAtMs = performance.now();
    beatAtMs = checkedAtMs;
    setTimeout(() => void tick(), POLL_MS);
  }

  async function tick(): Promise<void> {
    if (members.size === 0) {
      started = null;
      return;
    }
    let isFull = false;
    try {
      const fresh = await app.store.read((tx) =>
        eventsAfter(tx, { after: head, agent: undefined, payment: undefined, limit: PAGE }),
      );
      isFull = fresh.length === PAGE;
      await look(fresh);
    } catch (error) {
      endAll(members, error instanceof BursarError ? error : new BursarError('internal'));
    }
    setTimeout(() => void tick(), isFull ? 1 : POLL_MS);
  }

  async function look(fresh: EventView[]): Promise<void> {
    const nowMs = performance.now();
    // Checked before anything is sent: a revoked key gets no later events.
    if (fresh.length > 0 || nowMs - checkedAtMs >= CHECK_MS) {
      checkedAtMs = nowMs;
      await checkCredentials();
    }
    frames.push(...fresh.map(frameOf));
    head = fresh.at(-1)?.seq ?? head;
    if (frames.length > KEPT) {
      frames = frames.slice(-KEPT);
      floor = (frames[0]?.seq ?? head + 1) - 1;
    }
    const isBeat = nowMs - beatAtMs >= HEARTBEAT_MS;
    if (isBeat) beatAtMs = nowMs;
    const agents = new Set(fresh.map(({ agent }) => agent));
    for (const member of members) {
      if (isBeat) member.beat = true;
      const isTold = fresh.length > 0 && (member.agent === null || agents.has(member.agent));
      if (isBeat || isTold) member.wake();
    }
  }

  async function checkCredentials(): Promise<void> {
    for (const group of byCredential(members).values()) {
      try {
        await group[0]?.check();
      } catch (error) {
        endAll(group, error instanceof BursarError ? error : new BursarError('internal'));
      }
    }
  }

  function endAll(group: Iterable<Member>, error: BursarError): void {
    for (const member of group) {
      member.end = error;
      member.wake();
    }
  }

  /** From the cache; a stream advances even if no cached event concerns it. */
  function kept(member: Member): string {
    let first = frames.length;
    while (first > 0 && (frames[first - 1]?.seq ?? 0) > member.after) first -= 1;
    const some = frames.slice(first, first + PAGE);
    member.after = Math.max(member.after, some.at(-1)?.seq ?? head);
    return textFor(member, some);
  }

  /** From the log, when it is this stream's turn. */
  function behind(member: Member): Promise<string> {
    const read = turn.then(async () => {
      const startedAt = performance.now();
      const { after, agent } = member;
      const upTo = Math.min(after + SCAN, head);
      const events = await app.store.read((tx) =>
        eventsAfter(tx, { after, upTo, agent: agent ?? undefined, payment: undefined, limit: PAGE }),
      );
      member.after = events.length === PAGE ? (events.at(-1)?.seq ?? upTo) : upTo;
      const text = textFor(member, events.map(frameOf));
      await pause(Math.max(1, performance.now() - startedAt));
      return text;
    });
    turn = read.catch(() => undefined);
    return read;
  }

  async function next(member: Member): Promise<Next | 'closed'> {
    for (;;) {
      if (member.closed) return 'closed';
      if (member.end) return { end: member.end };
      const text = member.after < floor ? await behind(member).catch(endedBy(member)) : kept(member);
      if (text !== '') return { text };
      if (member.closed || member.end || member.after < head) continue;
      if (member.beat) {
        member.beat = false;
        return { text: ': still here\n\n' };
      }
      await new Promise<void>((resolve) => {
        member.wake = resolve;
      });
    }
  }

  return {
    size: () => members.size,
    subscribe: async (subscription) => {
      const member: Member = { ...subscription, end: null, beat: false, closed: false, wake: () => {} };
      if (app.stopping.aborted) member.end = new BursarError('server_stopping');
      members.add(member);
      started ??= start();
      try {
        await started;
      } catch (error) {
        started = null;
        members.delete(member);
        throw error;
      }
      return {
        next: () => next(member),
        close: () => {
          member.closed = true;
          members.delete(member);
          member.wake();
        },
      };
    },
  };
}

const endedBy =
  (member: Member) =>
  (error: unknown): string => {
    member.end = error instanceof BursarError ? error : new BursarError('internal');
    return '';
  };

function frameOf(event: EventView): Frame {
  const text = `event: ${event.type}\ndata: ${JSON.stringify(event)}\nid: ${event.seq}\n\n`;
  return { seq: event.seq, agent: event.agent, text };
}

const textFor = ({ agent }: Subscription, some: readonly Frame[]): string =>
  some
    .filter((frame) => agent === null || frame.agent === agent)
    .map(({ text }) => text)
    .join('');

function byCredential(members: Iterable<Member>): Map<string, Member[]> {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const group = groups.get(member.credential);
    if (group) group.push(member);
    else groups.set(member.credential, [member]);
  }
  return groups;
}
