import type { Reason } from './decision.ts';

/** The policy's answer for one amount. */
export type Heard = { passes: boolean; reasons: readonly Reason[] };

/** The number of corrections of the guess: one for each control that only shows after another passes. */
const GUESSES = 4;

/**
 * The largest amount below `fails` that passes, 0 if none does; if an amount passes, everything below must pass too. The values in
 * the reasons lead there in a few evaluations; they are only guesses, and each is evaluated. Without them it is a binary search,
 * which ends after `most` evaluations with an amount that passes, perhaps not the very largest.
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
    // For a limit that is itself one too much.
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

/** By how much the values exceed their limits; the largest excess counts. Null: no reason has values. */
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
