import { describe, expect, it } from 'vitest';
import { statesDocument } from '../../decide/payments/document.ts';
import { holdsMoney, next, type PaymentState, states, transitionEvents, transitions } from './states.ts';

const pairs = states.flatMap((state) => transitionEvents.map((event) => ({ state, event })));
const moves = pairs.flatMap(({ state, event }) => {
  const to = next(state, event);
  return to === null ? [] : [{ state, event, to }];
});
const terminal = ['denied', 'rejected', 'final', 'expired', 'failed', 'cancelled'] satisfies PaymentState[];

function reachableFrom(start: readonly PaymentState[]): Set<PaymentState> {
  const seen = new Set(start);
  for (let size = -1; size !== seen.size; ) {
    size = seen.size;
    for (const { state, to } of moves) if (seen.has(state)) seen.add(to);
  }
  return seen;
}

describe('the table of payment states', () => {
  it('answers every pair of state and event, and refuses all but these', () => {
    expect(moves.map(({ state, event, to }) => `${state} ${event} ${to}`)).toEqual([
      'in_review approve authorized',
      'in_review reject rejected',
      'in_review lapse expired',
      'in_review cancel cancelled',
      'authorized cancel cancelled',
      'authorized submit submitted',
      'authorized settle settled',
      'authorized fail failed',
      'submitted lapse expired',
      'submitted cancel cancelled',
      'submitted settle settled',
      'submitted fail failed',
      'settled finalize final',
      'settled reorg submitted',
    ]);
    expect(pairs).toHaveLength(states.length * transitionEvents.length);
  });

  it('has no move out of a terminal state', () => {
    expect(states.filter((state) => Object.keys(transitions[state]).length === 0).sort()).toEqual([...terminal].sort());
  });

  it('reaches every state from the three a decision can make', () => {
    expect(reachableFrom(['denied', 'in_review', 'authorized'])).toEqual(new Set(states));
  });

  it('can end from every state that holds money, both paid and not paid', () => {
    for (const state of states.filter((state) => holdsMoney[state])) {
      const ends = reachableFrom([state]);
      expect(ends.has('final'), state).toBe(true);
      expect(
        ['cancelled', 'failed', 'expired', 'rejected'].some((end) => ends.has(end as PaymentState)),
        state,
      ).toBe(true);
    }
  });

  it('holds no money in a terminal state, nor once it is settled', () => {
    for (const state of [...terminal, 'settled'] as const) expect(holdsMoney[state], state).toBe(false);
  });

  it('takes up a hold again only when the chain drops the block', () => {
    const retaken = moves.filter(({ state, to }) => !holdsMoney[state] && holdsMoney[to]);
    expect(retaken.map(({ event }) => event)).toEqual(['reorg']);
  });

  it('never pays what was not authorized', () => {
    const paying = moves.filter(({ to }) => to === 'settled').map(({ state }) => state);
    expect(paying).toEqual(['authorized', 'submitted']);
  });
});

describe('statesDocument', () => {
  it('shows each state and each move', () => {
    const text = statesDocument();
    for (const state of states) expect(text).toContain(`| \`${state}\` | ${holdsMoney[state] ? 'yes' : 'no'} |`);
    for (const { state, event, to } of moves) expect(text).toContain(`  ${state} --> ${to}: ${event}\n`);
  });
});
