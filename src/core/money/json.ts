/** JSON text with each bigint as decimal text: a JSON number would lose digits above 2^53. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
