/** Modules, tests and benches that still hold SQL text. The list may only shrink: take a line out with the last text of its module. */
export const sqlToPort: ReadonlySet<string> = new Set(['src/decide/payments']);
