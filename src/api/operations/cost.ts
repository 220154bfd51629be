/**
 * The cost of an operation for the server, in tokens: one token is a millisecond of CPU at most (`npm run bench -- cost`). The rate
 * limits of a key and of an agent count tokens, so that expensive requests use them up as fast as many cheap ones. The classes are
 * listed in docs/limits.md.
 */
export const costs = { light: 1, medium: 5, heavy: 50, bulk: 500 } as const;
export type Cost = keyof typeof costs;
