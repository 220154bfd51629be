import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { query } from '../../store/statement.ts';
import type { Store } from '../../store/store.ts';
import { openTestStore } from '../../store/testing/openTestStore.ts';
import { appendEvent, chainHash, GENESIS_HASH } from './events.ts';

type EventRow = { seq: bigint; body: string; hash: string };

let store: Store;
beforeEach(async () => {
  store = await openTestStore();
});
afterEach(() => store.close());

const append = (data: Record<string, unknown> = {}): Promise<bigint> =>
  store.write((tx) =>
    appendEvent(tx, { type: 'agent.created', actor: 'key_1', agentId: 'agt_1', data }, 1_700_000_000_000),
  );
const rows = (): Promise<EventRow[]> =>
  store.read((tx) => tx.all(query((db) => db.selectFrom('events').select(['seq', 'body', 'hash']).orderBy('seq'))));

/** The position of the first row that does not follow from the one before, or null. */
function firstBreak(events: readonly EventRow[]): number | null {
  let previous = GENESIS_HASH;
  for (const [index, event] of events.entries()) {
    if (event.hash !== chainHash(previous, event.body)) return index;
    previous = event.hash;
  }
  return null;
}

describe('appendEvent', () => {
  it('numbers events from 1 and chains each to the one before', async () => {
    for (const n of [1, 2, 3]) expect(await append({ n })).toBe(BigInt(n));
    expect(firstBreak(await rows())).toBeNull();
    expect(new Set((await rows()).map((row) => row.hash)).size).toBe(3);
  });

  it('names who, what and when in the body', async () => {
    await append({ name: 'Ada' });
    expect(JSON.parse((await rows())[0]?.body ?? '')).toEqual({
      seq: 1,
      at: '2023-11-14T22:13:20.000Z',
      type: 'agent.created',
      actor: 'key_1',
      payment: null,
      agent: 'agt_1',
      sponsor: null,
      workflow: null,
      policy_digest: null,
      data: { name: 'Ada' },
    });
  });

  it('leaves no gap when a job that appended is rolled back', async () => {
    await append();
    const failing = store.write(async (tx) => {
      await appendEvent(tx, { type: 'alert.raised', actor: 'bursar' }, 2);
      throw new Error('the job fails');
    });
    await expect(failing).rejects.toThrow('the job fails');
    await append();
    expect((await rows()).map((row) => row.seq)).toEqual([1n, 2n]);
    expect(firstBreak(await rows())).toBeNull();
  });

  it('keeps one chain when many jobs share a commit', async () => {
    await Promise.all(Array.from({ length: 600 }, (_, n) => append({ n })));
    expect(await rows()).toHaveLength(600);
    expect(firstBreak(await rows())).toBeNull();
  });
});

describe('the chain of hashes', () => {
  it('breaks at the event that was changed, left out, or swapped', async () => {
    for (const n of [1, 2, 3, 4]) await append({ n });
    const events = await rows();
    const changed = events.map((row, index) =>
      index === 1 ? { ...row, body: row.body.replace('"n":2', '"n":9') } : row,
    );
    expect(firstBreak(changed)).toBe(1);
    expect(firstBreak(events.filter((_, index) => index !== 1))).toBe(1);
    const [a, b, c, d] = events as [EventRow, EventRow, EventRow, EventRow];
    expect(firstBreak([a, c, b, d])).toBe(1);
  });

  it('breaks at the next event when a body is changed and its own hash made to fit', async () => {
    for (const n of [1, 2, 3]) await append({ n });
    const [a, b, c] = (await rows()) as [EventRow, EventRow, EventRow];
    const body = b.body.replace('"n":2', '"n":9');
    expect(firstBreak([a, { ...b, body, hash: chainHash(a.hash, body) }, c])).toBe(2);
  });

  it.each([
    ['an update', query((db) => db.updateTable('events').set({ type: 'x' }))],
    ['a deletion', query((db) => db.deleteFrom('events'))],
  ])('the database refuses %s', async (_, command) => {
    await append();
    await expect(store.write((tx) => tx.run(command))).rejects.toMatchObject({ code: 'conflict' });
    expect(firstBreak(await rows())).toBeNull();
    expect(await rows()).toHaveLength(1);
  });
});
