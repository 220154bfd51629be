import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { operation } from '../../api/operations/operation.ts';
import { Amount } from '../../core/schemas/schemas.ts';
import { flagsOf, inputOf } from './flags.ts';

const example = operation({
  name: 'example',
  summary: 'An operation with every kind of field.',
  method: 'POST',
  path: '/v1/example/{id}',
  scope: 'read',
  cost: 'light',
  input: z.strictObject({
    id: z.string(),
    name: z.string().describe('What it is called'),
    kind: z.enum(['a', 'b']).default('a'),
    max_amount: Amount.optional(),
    hosts: z.array(z.string()).default([]),
    labels: z.record(z.string(), z.string()).optional(),
    ceilings: z.strictObject({ per_payment: Amount.optional() }).optional(),
    verified: z.boolean().default(false),
    replaces: z.boolean().default(true),
    status: z.int(),
    email: z.email().nullable().optional(),
    lines: z.array(z.strictObject({ amount: Amount })).optional(),
  }),
  output: z.object({}),
  errors: [],
  handler: () => ({}),
});
const flags = flagsOf(example, ['id']);

describe('flags of an operation', () => {
  it('are its fields, told as its schema tells them; what has a place of its own is no flag', () => {
    expect(flags.map(({ option }) => [option.flags, option.description])).toEqual([
      ['--name <text>', 'What it is called (required)'],
      ['--kind <word>', 'one of: a, b (default: a)'],
      ['--max-amount <usdc>', 'USDC, like 12.50'],
      ['--hosts <list>', 'with commas'],
      ['--labels <pairs>', 'like team=research,tier=2'],
      ['--ceilings-per-payment <usdc>', 'USDC, like 12.50'],
      ['--verified', ''],
      ['--no-replaces', 'do not'],
      ['--status <number>', '(required)'],
      ['--email <text>', 'null takes it away'],
    ]);
  });

  it('shape text into the operation’s JSON', () => {
    const values = {
      name: 'x',
      maxAmount: '1.25',
      hosts: 'a.example, b.example',
      labels: 'team=x,note=a=b',
      ceilingsPerPayment: '100',
      verified: true,
      replaces: false,
      status: '402',
    };
    expect(inputOf(flags, values)).toEqual({
      name: 'x',
      max_amount: { value: '1.25', currency: 'USDC' },
      hosts: ['a.example', 'b.example'],
      labels: { team: 'x', note: 'a=b' },
      ceilings: { per_payment: { value: '100', currency: 'USDC' } },
      verified: true,
      replaces: false,
      status: 402,
    });
  });

  it('give a word for nothing, where a field may be nothing', () => {
    expect(inputOf(flags, { email: 'null' })).toEqual({ email: null });
    expect(inputOf(flags, { email: 'a@b.example', name: 'null' })).toEqual({ email: 'a@b.example', name: 'null' });
  });

  it('leave out what was not said, so that the server’s defaults hold', () => {
    expect(inputOf(flags, { replaces: true })).toEqual({});
  });

  it('judge nothing: a bad figure goes to the server as it is', () => {
    expect(inputOf(flags, { status: '1e3', maxAmount: '-5' })).toEqual({
      status: '1e3',
      max_amount: { value: '-5', currency: 'USDC' },
    });
  });
});
