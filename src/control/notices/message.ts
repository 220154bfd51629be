import { formatUsdc } from '../../core/money/microUsdc.ts';
import type { NoticeEvent } from './outbox.ts';

/** The text that a person reads, and a link to the page. It has no names and memos, because they come from outsiders. */
export type Message = { subject: string; text: string; link: string };

const titles: Record<string, string> = {
  'payment.review_requested': 'A payment waits for you',
  'mandate.requested': 'An agent asks for a mandate',
  'alert.raised': 'Bursar raised an alert',
  'transfer.unexplained': 'Money moved that no payment explains',
  'agent.status_changed': 'An agent was frozen or released',
  'log.head_signed': 'The event log was signed',
  'log.anchored': 'The event log was put on the chain',
  'log.anchor_failed': 'The event log could not be put on the chain',
};

export function messageOf(event: NoticeEvent, publicUrl: string): Message {
  const subject = titles[event.type] ?? event.type;
  const parts = [
    subject,
    event.payment && `payment ${event.payment}`,
    event.agent && `agent ${event.agent}`,
    amountOf(event.data.amount),
    event.type.startsWith('log.') && `${event.data.size} events, root ${event.data.root}`,
    ...(Array.isArray(event.data.reasons) ? [`because of ${event.data.reasons.join(', ')}`] : []),
  ].filter((part): part is string => typeof part === 'string' && part !== '');
  return { subject: `Bursar: ${subject}`, text: `${parts.join('; ')}.`, link: `${publicUrl}${pathOf(event)}` };
}

function pathOf(event: NoticeEvent): string {
  if (event.type === 'payment.review_requested' && event.payment) return `/reviews/${event.payment}`;
  if (event.payment) return `/payments/${event.payment}`;
  if (typeof event.data.mandate === 'string') return `/mandates/${event.data.mandate}`;
  return event.agent ? `/agents/${event.agent}` : '/';
}

function amountOf(amount: unknown): string | null {
  if (typeof amount !== 'string') return null;
  return /^[0-9]+$/.test(amount) ? `${formatUsdc(BigInt(amount))} USDC` : `${amount} USDC`;
}
