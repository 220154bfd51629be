const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** 86400 -> "1 day", 5400 -> "90 minutes": the largest unit without a remainder. */
export function durationInWords(seconds: number): string {
  const [name, size] = units.find(([, each]) => seconds !== 0 && seconds % each === 0) ?? (['second', 1] as const);
  const count = seconds / size;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** 86400 -> "day", 21600 -> "6 hours": for sentences with "in each". */
export const periodInWords = (seconds: number): string => durationInWords(seconds).replace(/^1 /, '');
