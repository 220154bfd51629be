/** Whether the same request may be sent again. */
export type Retry = 'never' | 'after_change' | 'safe';

export type CatalogueEntry = { status: number; retry: Retry; title: string; action: string };

export const entry = (status: number, retry: Retry, title: string, action: string): CatalogueEntry => ({
  status,
  retry,
  title,
  action,
});
