import { describe, expect, it } from 'vitest';
import { states } from '../../core/payment/states.ts';
import { registry } from '../operations/registry.ts';
import { nextStep } from './nextStep.ts';
import { inputSchema } from './toolSchema.ts';
import { offeredTools, tools } from './tools.ts';

describe('the tools', () => {
  it('are those that the design names, and each has its operation', () => {
    const names = [
      'pay',
      'fetch_paid',
      'check',
      'budget',
      'payment',
      'payments',
      'create_invoice',
      'refund',
      'request_mandate',
    ];
    expect(tools.map(({ name }) => name)).toEqual(names);
    expect(offeredTools.map(({ tool }) => tool.name)).toEqual(names);
  });

  it("are for agents: each is within an agent's scopes", () => {
    for (const { operation } of offeredTools) expect(['pay', 'read']).toContain(operation.scope);
    expect(registry.some(({ scope }) => scope === 'admin')).toBe(true);
  });

  it.each(offeredTools.map((offered) => [offered.tool.name, offered] as const))(
    '%s says what each field is for',
    (_, offered) => {
      const { properties, required = [] } = inputSchema(offered.tool, offered.operation);
      const silent = Object.entries(properties).filter(
        ([, property]) => property.description === undefined && property.enum === undefined,
      );
      expect(silent.map(([name]) => name)).toEqual([]);
      for (const name of required) expect(properties).toHaveProperty(name);
      expect(properties).not.toHaveProperty('agent');
    },
  );

  it.each(
    offeredTools
      .filter(({ operation }) => operation.idempotent)
      .map((offered) => [offered.tool.name, offered] as const),
  )('%s can be repeated on purpose', (_, { tool, operation }) => {
    expect(inputSchema(tool, operation).properties).toMatchObject({
      again: { type: 'integer', default: 1 },
      idempotency_key: { type: 'string' },
    });
  });
});

describe('what comes next', () => {
  const payment = (state: string, rail: string, replayed = false) => ({
    id: 'pay_1',
    state,
    kind: 'payout',
    rail,
    amount: { value: '1.00', currency: 'USDC' as const },
    address: '0x',
    reasons: [],
    created_at: '',
    replayed,
  });

  it.each(states)('is said for a payment that is %s', (state) => {
    for (const rail of ['wallet', 'x402']) expect(nextStep(payment(state, rail), {})).not.toMatch(/^Its state is/);
  });

  it('never sends a payment again that may still be paid', () => {
    for (const state of ['in_review', 'authorized', 'submitted']) {
      expect(nextStep(payment(state, 'wallet'), {})).toContain('Do not send it again');
    }
  });

  it('counts on from the repeat that was asked for', () => {
    expect(nextStep(payment('settled', 'wallet', true), { again: 4 })).toContain('set again to 5');
    expect(nextStep(payment('failed', 'wallet'), {})).toContain('again: 2');
  });
});
