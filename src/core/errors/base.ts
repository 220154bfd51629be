import { type CatalogueEntry, catalogue, type ErrorCode, type Retry } from './catalogue.ts';

export type ErrorDetails = Record<string, unknown>;

/**
 * The only error class. The code fixes the status, the retry advice and the action; the message describes this occurrence. Messages
 * and details reach callers: no secrets, no stack, no SQL.
 */
export class BursarError extends Error {
  override readonly name = 'BursarError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, options: { message?: string; details?: ErrorDetails; cause?: unknown } = {}) {
    super(options.message ?? catalogue[code].title, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get #entry(): CatalogueEntry {
    return catalogue[this.code];
  }
  get status(): number {
    return this.#entry.status;
  }
  get retry(): Retry {
    return this.#entry.retry;
  }
  get action(): string {
    return this.#entry.action;
  }

  /** RFC 9457 problem details. */
  toProblem(): Record<string, unknown> {
    return {
      type: problemType(this.code),
      title: this.#entry.title,
      status: this.status,
      code: this.code,
      detail: this.message,
      action: this.action,
      retry: this.retry,
      ...(Object.keys(this.details).length > 0 ? { details: this.details } : {}),
    };
  }
}

/** RFC 9457 `type`: a name, not an address to fetch. `docs/errors.md` has an anchor for each code. */
export const problemType = (code: string): string => `urn:bursar:error:${code}`;

/** Throws `invariant_violated` when a condition that the code relies on is false. */
export function invariant(condition: unknown, message: string, details: ErrorDetails = {}): asserts condition {
  if (!condition) throw new BursarError('invariant_violated', { message, details });
}
