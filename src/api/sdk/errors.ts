import type { Hints, Payment, Reason } from './types.ts';

/** Bursar refused a request: its problem details (RFC 9457). `code` is stable. */
export class BursarProblem extends Error {
  override readonly name: string = 'BursarProblem';
  readonly code: string;
  readonly status: number;
  /** What to do about it. */
  readonly action: string;
  readonly details: Record<string, unknown>;

  constructor(problem: { code?: unknown; status?: unknown; detail?: unknown; action?: unknown; details?: unknown }) {
    super(typeof problem.detail === 'string' ? problem.detail : 'Bursar refused the request.');
    this.code = typeof problem.code === 'string' ? problem.code : 'internal';
    this.status = typeof problem.status === 'number' ? problem.status : 0;
    this.action = typeof problem.action === 'string' ? problem.action : '';
    const { details } = problem;
    this.details = typeof details === 'object' && details !== null ? { ...details } : {};
  }
}

/** Bursar cannot be reached, or its answer cannot be read. Send the same request again: it makes no second payment. */
export class BursarUnreachable extends Error {
  override readonly name = 'BursarUnreachable';
}

type Refused = { message: string; reasons: Reason[]; hints: Hints | null; payment: Payment | null; next: string };

/** A 402 that Bursar did not pay. No money left the purse. */
export class PaymentRefused extends Error {
  override readonly name = 'PaymentRefused';
  /** Stable codes, each with a sentence that names the amounts or limits. */
  readonly reasons: Reason[];
  /** What the policy would allow instead. */
  readonly hints: Hints | null;
  /** Null when the request was refused before a decision. */
  readonly payment: Payment | null;
  readonly next: string;

  constructor({ message, reasons, hints, payment, next }: Refused) {
    super(message);
    this.reasons = reasons;
    this.hints = hints;
    this.payment = payment;
    this.next = next;
  }
}

/** Not paid yet: the payment waits for approval, or the purse is being topped up. Send the same request again later. */
export class PaymentPending extends Error {
  override readonly name = 'PaymentPending';
  readonly payment: Payment;
  readonly reasons: Reason[];
  readonly next: string;

  constructor(payment: Payment, next: string) {
    super(`${payment.id} is ${payment.state}. ${next}`);
    this.payment = payment;
    this.reasons = payment.reasons;
    this.next = next;
  }
}

/** The seller did not answer the paid request. Send the same request again: it uses the same authorization and pays once. */
export class AnswerLost extends Error {
  override readonly name = 'AnswerLost';
  readonly payment: Payment;

  constructor(payment: Payment, cause: unknown) {
    super(`The seller gave no answer to the paid request (${payment.id}). Send the same request again.`, { cause });
    this.payment = payment;
  }
}
