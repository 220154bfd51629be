import type { z } from 'zod';
import type { Evaluated } from '../payments/decide.ts';
import type { GateContext } from '../payments/gate.ts';
import type { PaymentRequest } from '../payments/request.ts';
import type { App } from './app.ts';
import type { HintsView } from './paymentView.ts';

export function hintsFor(
  _app: App,
  _request: PaymentRequest,
  _evaluated: Evaluated,
  _context: GateContext,
): z.input<typeof HintsView> | null {
  return null;
}
