/** What one check of a receipt came to, and in which words. */
export type Finding = { check: string; ok: boolean; detail: string };

export const finding = (check: string, ok: boolean, detail: string): Finding => ({ check, ok, detail });
