import { describe, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type * as budget from '../operations/payments/budget.ts';
import type { PayInput as PayInputSchema } from '../operations/payments/paymentRequest.ts';
import type { HintsView, PaymentView } from '../operations/payments/paymentView.ts';
import type * as x402 from '../operations/payments/x402.ts';
import type { Budget, BudgetInput, Hints, PayInput, Payment, X402Answer, X402Input } from './types.ts';

describe('The types of the SDK', () => {
  it('are what the operations answer', () => {
    expectTypeOf<z.output<typeof PaymentView>>().toExtend<Payment>();
    expectTypeOf<z.output<typeof HintsView>>().toExtend<Hints>();
    expectTypeOf<z.output<typeof x402.PayX402Answer>>().toExtend<X402Answer>();
    expectTypeOf<z.output<typeof budget.BudgetView>>().toExtend<Budget>();
  });

  it('are what the operations take', () => {
    expectTypeOf<PayInput>().toExtend<z.input<typeof PayInputSchema> & { again?: number }>();
    expectTypeOf<Omit<X402Input, 'method'>>().toExtend<Omit<z.input<typeof x402.PayX402Input>, 'method'>>();
    expectTypeOf<BudgetInput & { id: string }>().toExtend<z.input<typeof budget.BudgetInput> & { agent?: string }>();
  });
});
