/** One ratio with its goal, and the absolute numbers that it comes from (names end in their unit). */
export type Figure = {
  figure: string;
  ratio: number;
  goal: `${'>=' | '<='}${number}`;
  numbers: Record<string, number | boolean>;
};

/** Tells people what is being measured; silent with `--json`. */
export type Say = (line: string) => void;

export function isMet({ ratio, goal }: Figure): boolean {
  const bound = Number(goal.slice(2));
  return goal.startsWith('>=') ? ratio >= bound : ratio <= bound;
}

/** One object a line. */
export function asJson(figure: Figure): string {
  const { figure: name, ratio, goal, numbers } = figure;
  return JSON.stringify({ figure: name, ratio: rounded(ratio), goal, met: isMet(figure), ...roundAll(numbers) });
}

/** A few lines for people. */
export function asText(figure: Figure): string {
  const { figure: name, ratio, goal, numbers } = figure;
  const head = `${isMet(figure) ? 'met   ' : 'MISSED'} ${name} = ${rounded(ratio)} (goal ${goal})`;
  return [head, ...Object.entries(roundAll(numbers)).map(([key, value]) => `         ${key} ${value}`)].join('\n');
}

/** The middle value: one slow round on a shared machine does not move it. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which that share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Four significant digits. */
function rounded(value: number): number {
  return Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(4));
}

function roundAll(numbers: Figure['numbers']): Figure['numbers'] {
  return Object.fromEntries(
    Object.entries(numbers).map(([key, value]) => [key, typeof value === 'number' ? rounded(value) : value]),
  );
}
