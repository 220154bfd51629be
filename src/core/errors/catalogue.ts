import { chainErrors } from './chainErrors.ts';
import type { CatalogueEntry } from './entry.ts';
import { paymentErrors } from './paymentErrors.ts';
import { requestErrors } from './requestErrors.ts';
import { serverErrors } from './serverErrors.ts';

export type { CatalogueEntry, Retry } from './entry.ts';

/**
 * Every error code a caller can meet: its HTTP status, whether the same request may be sent again, and what to do.
 * `docs/errors.md` is generated from this table; a code is never renamed once released.
 */
export const catalogue = {
  ...requestErrors,
  ...paymentErrors,
  ...chainErrors,
  ...serverErrors,
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;
