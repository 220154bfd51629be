import type { Reason } from './decision.ts';

/** What was said of one amount. */
export type Heard = { passes: boolean; reasons: readonly Reason[] };

/** Refinements of the guess: one for each control that stands behind another. */
const GUESSES = 4;

/**
 * The largest amount below `fails` that passes, 0 where none does; what passes must pass for everything below too. The figures that the
 * reasons name lead there in a few questions: they are only a guess, and each is asked. Without them it is a search, which ends after
 * `most` questions with an amount that passes, if not the very largest.
 */
export function largestBelow(
  fails: { amount: number; reasons: readonly Reason[] },
  ask: (amount: number) => Heard,
  most: number = Infinity,
): number {
  let asked = 0;
  const heard = (amount: number): Heard => {
    asked += 1;
    return ask(amount);
  };
  let good = 0;
  let bad = fails.amount;
  let { reasons } = fails;
  for (let i = 0; i < GUESSES; i += 1) {
    const guess = guessOf(reasons, bad);
    if (guess === null || guess <= good || guess >= bad) break;
    const said = heard(guess);
    if (said.passes) {
      if (guess + 1 === bad || !heard(guess + 1).passes) return guess;
      good = guess + 1;
      break;
    }
    // Where the limit itself is one too much.
    bad = guess;
    if (guess - 1 <= good) break;
    const below = heard(guess - 1);
    if (below.passes) return guess - 1;
    bad = guess - 1;
    reasons = below.reasons;
  }
  if (good === 0) {
    if (bad <= 1 || !heard(1).passes) return 0;
    good = 1;
  }
  while (bad - good > 1 && asked < most) {
    const middle = good + Math.floor((bad - good) / 2);
    if (heard(middle).passes) good = middle;
    else bad = middle;
  }
  return good;
}

/** By how much the figures are over their limits; the furthest over leads. Null: no reason names figures. */
function guessOf(reasons: readonly Reason[], amount: number): number | null {
  const over = reasons.flatMap(({ observed, limit }) => {
    const [has, may] = [figureOf(observed), figureOf(limit)];
    return has === null || may === null || has < may ? [] : [has - may];
  });
  return over.length === 0 ? null : amount - Math.max(...over);
}

function figureOf(figure: Reason['observed']): number | null {
  const value = typeof figure === 'string' && /^\d{1,16}$/.test(figure) ? Number(figure) : figure;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}
