import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEASE_MS, type Lease, planRound, RENEW_MS, type Wanted } from './plan.ts';

const wantedOf = (names: readonly string[]): Wanted => ({
  names,
  spread: (name) => (name.startsWith('send:') ? 'send' : null),
  urgent: new Set(),
});
const queues = Array.from({ length: 7 }, (_, index) => `send:${index}`);

/** Servers that take their rounds in turn, on one clock. */
function world(wanted = wantedOf(['follow', ...queues])) {
  const rows = new Map<string, Lease>();
  let nowMs = 1_000_000;
  const round = (me: string, mine: Wanted = wanted): void => {
    for (const lease of planRound(rows, me, mine, nowMs)) rows.set(lease.name, lease);
  };
  const holdersOf = (prefix: string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { name, holder, expiresAtMs } of rows.values()) {
      if (name.startsWith(prefix) && holder !== null && expiresAtMs > nowMs) counts[holder] = (counts[holder] ?? 0) + 1;
    }
    return counts;
  };
  return {
    rows,
    round,
    holdersOf,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** So many rounds of all of these servers, with the usual time between. */
    rounds(count: number, servers: readonly string[]): void {
      for (let index = 0; index < count; index += 1) {
        for (const server of servers) round(server);
        nowMs += RENEW_MS;
      }
    },
  };
}

describe('a round', () => {
  it('takes what is free, keeps its fence while it renews, and raises it with each change of holder', () => {
    const { rows, round, pass } = world(wantedOf(['follow']));
    round('a');
    expect(rows.get('follow')).toMatchObject({ holder: 'a', fence: 1n });
    pass(RENEW_MS);
    round('b');
    round('a');
    expect(rows.get('follow')).toMatchObject({ holder: 'a', fence: 1n });
    pass(LEASE_MS);
    round('b');
    expect(rows.get('follow')).toMatchObject({ holder: 'b', fence: 2n });
    round('a');
    expect(rows.get('follow')).toMatchObject({ holder: 'b', fence: 2n });
  });

  it('renews a lease that has expired and that nobody took, under the same fence', () => {
    const { rows, round, pass } = world(wantedOf(['follow']));
    round('a');
    pass(10 * LEASE_MS);
    round('a');
    round('b');
    expect(rows.get('follow')).toMatchObject({ holder: 'a', fence: 1n });
  });

  it('takes an expiry that no lease can have as expired: the clock was set back', () => {
    const { rows, round, pass } = world(wantedOf(['follow']));
    round('a');
    pass(-3_600_000);
    round('b');
    expect(rows.get('follow')).toMatchObject({ holder: 'b', fence: 2n });
  });

  it('gives a lease to the server that needs it now', () => {
    const { rows, round } = world(wantedOf(['follow']));
    const urgent = { ...wantedOf(['follow']), urgent: new Set(['follow']) };
    round('a');
    round('b', urgent);
    expect(rows.get('follow')).toMatchObject({ holder: 'a', claimedBy: 'b' });
    round('a');
    round('a');
    round('c');
    expect(rows.get('follow')?.holder).toBeNull();
    round('b', urgent);
    expect(rows.get('follow')).toMatchObject({ holder: 'b', fence: 2n });
    round('a');
    expect(rows.get('follow')).toMatchObject({ holder: 'b', fence: 2n });
  });

  it('leaves a lease that was given up for a server that has died to the others', () => {
    const { rows, round, rounds } = world(wantedOf(['follow']));
    round('a');
    round('dead', { ...wantedOf(['follow']), urgent: new Set(['follow']) });
    rounds(4, ['a', 'b']);
    expect(['a', 'b']).toContain(rows.get('follow')?.holder);
  });
});

describe('sender queues', () => {
  it.each([
    [2, [3, 4]],
    [3, [2, 2, 3]],
    [7, [1, 1, 1, 1, 1, 1, 1]],
  ])('are spread evenly over %i servers, and stay where they are then', (count, wanted) => {
    const { rounds, holdersOf, rows } = world();
    const servers = Array.from({ length: count }, (_, index) => `s${index}`);
    rounds(12, servers);
    expect(Object.values(holdersOf('send:')).sort()).toEqual(wanted);
    const before = [...rows.values()].map(({ holder, fence }) => [holder, fence]);
    rounds(6, servers);
    expect([...rows.values()].map(({ holder, fence }) => [holder, fence])).toEqual(before);
  });

  it('go to the other servers within ten seconds of a death', () => {
    const servers = ['a', 'b', 'c'];
    fc.assert(
      fc.property(fc.constantFrom(...servers), fc.integer({ min: 0, max: RENEW_MS }), (dead, offsetMs) => {
        const { rounds, holdersOf, pass } = world();
        rounds(12, servers);
        pass(offsetMs);
        const left = servers.filter((server) => server !== dead);
        rounds(4, left);
        const counts = holdersOf('');
        expect(counts[dead] ?? 0).toBe(0);
        expect(Object.values(counts).reduce((a, b) => a + b)).toBe(queues.length + 1);
      }),
    );
  });

  it('of a server that lacks some keys are served by the others', () => {
    const { round, rounds, holdersOf, pass } = world();
    const few = wantedOf(['send:0']);
    for (let index = 0; index < 12; index += 1) {
      round('all');
      round('few', few);
      pass(RENEW_MS);
    }
    expect(holdersOf('send:').all).toBeGreaterThanOrEqual(queues.length - 1);
    rounds(1, ['all']);
  });
});
