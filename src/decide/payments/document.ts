import { holdsMoney, type PaymentState, states, type TransitionEvent, transitions } from '../../core/payment/states.ts';

const meanings = {
  denied: 'The policy refused it. Nothing was held and nothing will move.',
  in_review: 'The policy asks for people to sign. The money is held meanwhile.',
  rejected: 'An approver said no. The money is free again.',
  expired: 'The review ran out, or an x402 authorization can no longer be used. The money is free again.',
  authorized: 'Allowed, and its money held. The relayer or the seller takes it from here.',
  submitted: 'Signed, stored and sent to the chain or to the seller.',
  settled: 'In a block of the chain, though not yet in one that is final.',
  final: 'In a final block. There is a receipt.',
  failed: 'The chain refused it for good. The money is free again.',
  cancelled: 'Withdrawn before it could move. The money is free again.',
} as const satisfies Record<PaymentState, string>;

const triggers = {
  approve: 'enough approvers have signed',
  reject: 'an approver signed a rejection',
  lapse: 'its time ran out',
  cancel: 'withdrawn by its agent or an operator',
  submit: 'signed, stored and broadcast',
  settle: 'its transfer was seen in a block',
  finalize: 'that block became final',
  reorg: 'that block left the chain',
  fail: 'the chain refused it, finally',
} as const satisfies Record<TransitionEvent, string>;

/** The text of `docs/states.md`: the table of states as a list, a table of moves and a diagram. */
export function statesDocument(): string {
  const moves = states.flatMap((from) =>
    Object.entries(transitions[from]).map(([event, to]) => ({ from, event: event as TransitionEvent, to })),
  );
  const ends = states.filter((state) => Object.keys(transitions[state]).length === 0);
  return [
    '# States of a payment',
    '',
    'Made from `src/core/payment/states.ts` by `npm run generate`; do not edit.',
    '',
    'A pair of state and event that is not in the second table is refused with `invalid_transition`.',
    '',
    '| state | money held | what it means |',
    '|---|---|---|',
    ...states.map((state) => `| \`${state}\` | ${holdsMoney[state] ? 'yes' : 'no'} | ${meanings[state]} |`),
    '',
    '| from | event | to | when |',
    '|---|---|---|---|',
    ...moves.map(({ from, event, to }) => `| \`${from}\` | \`${event}\` | \`${to}\` | ${triggers[event]} |`),
    '',
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> denied',
    '  [*] --> in_review',
    '  [*] --> authorized',
    ...moves.map(({ from, event, to }) => `  ${from} --> ${to}: ${event}`),
    ...ends.map((state) => `  ${state} --> [*]`),
    '```',
    '',
  ].join('\n');
}
