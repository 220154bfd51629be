import { compared, type Finding, finding } from './finding.ts';
import { toldOf } from './input.ts';
import type { Receipt } from './receipt.ts';

/** Every fact of the payment in the receipt must be in each hashed input: this ties the decisions to this payment. */
export function checkSubject(receipt: Receipt): Finding[] {
  const { payment, chain } = receipt;
  return receipt.decisions.map((decision, index) => {
    const name = `decision ${index + 1}: subject`;
    const told = toldOf(decision.input);
    if (!told) return finding(name, false, 'the input cannot be read', [`decisions.${index}.input`]);
    return compared(name, 'the input has what the receipt shows of payment, agent, wallet and time', 'the input says', [
      ['payment.amount_micro', payment.amount_micro, String(told.payment.amount)],
      ['payment.kind', payment.kind, told.payment.kind],
      ['payment.rail', payment.rail, told.payment.rail],
      ['payment.agent', payment.agent, told.agent.id],
      ['payment.sponsor', payment.sponsor, told.sponsor.id],
      ['payment.workflow', payment.workflow, told.workflow?.id ?? null],
      ['payment.run', payment.run, told.workflow?.run ?? null],
      ['payment.payee', payment.payee, told.payee?.id ?? null],
      ['payment.address', payment.address, told.destination.address],
      ['payment.refund_of', payment.refund_of, told.payment.refund_of],
      ['chain.id', `eip155:${chain.id}`, told.payment.network],
      ['chain.wallet', chain.wallet, told.agent.wallet],
      [`decisions.${index}.decided_at`, decision.decided_at, told.time.ms],
    ]);
  });
}
