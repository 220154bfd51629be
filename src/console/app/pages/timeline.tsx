import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Json } from '../components/json.tsx';
import { Mono } from '../components/mono.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { short } from '../format.ts';
import { useNames } from '../names.tsx';
import { type Event, inert } from '../views.ts';

/** The event log of one payment, each step in a sentence, with its data below. */
export function Timeline({ events }: { events: Event[] }) {
  const by = useActor();
  return (
    <ol className="timeline">
      {events.map((event) => (
        <li key={event.seq} data-tone={tones[event.type] ?? 'good'}>
          <strong>{event.type.replace('payment.', '').replaceAll(/[._]/g, ' ')}</strong>{' '}
          <Text span size="sm" c="dimmed">
            <Timestamp at={event.at} /> by {by(event.actor)}, event {event.seq}
          </Text>
          <p>{sentence(event)}</p>
          {Object.keys(event.data).length > 0 && (
            <details>
              <summary>Details</summary>
              <Json label={`Details of event ${event.seq}`} value={event.data} />
            </details>
          )}
        </li>
      ))}
    </ol>
  );
}

/** The actor in words: a person, Bursar itself, or a key. */
export function useActor(): (actor: string) => string {
  const { nameOf } = useNames();
  return (actor) => {
    if (actor === 'bursar') return 'Bursar';
    if (!actor.startsWith('key_')) return nameOf(actor);
    const name = nameOf(actor);
    return name === actor ? `API key ${actor}` : `API key "${name}"`;
  };
}

const tones: Record<string, string> = {
  ...Object.fromEntries(['denied', 'rejected', 'failed', 'expired'].map((each) => [`payment.${each}`, 'bad'])),
  ...Object.fromEntries(
    ['review_requested', 'retried', 'replaced', 'reorged'].map((each) => [`payment.${each}`, 'wait']),
  ),
};

function sentence({ type, data }: Event): ReactNode {
  const text = (name: string): string => inert(String(data[name] ?? ''));
  const reasons = Array.isArray(data.reasons) ? data.reasons.map((code) => inert(String(code))).join(', ') : '';
  const hash = <Mono>{short(text('hash') || text('tx_hash'))}</Mono>;
  switch (type) {
    case 'payment.allowed':
      return `The policy allowed the payment (${reasons}).`;
    case 'payment.denied':
      return `The policy denied the payment (${reasons}).`;
    case 'payment.review_requested':
      return `The policy requires approval (${reasons}).`;
    case 'payment.retried':
      return `The same request was sent again; the answer was this payment (state: ${text('state').replaceAll('_', ' ')}).`;
    case 'payment.approved':
      return data.waits_for
        ? 'An approval was received. More approvals are needed.'
        : 'All approvals were received; the policy was evaluated again and allowed the payment.';
    case 'payment.rejected':
      if (data.by) return `${text('by')} rejected it${data.reason ? `: ${text('reason')}` : '.'}`;
      return `The policy was evaluated again and denied the payment (${reasons}).`;
    case 'payment.expired':
      return 'No approver answered before the deadline.';
    case 'payment.signed':
      return data.hash ? (
        <>Signed as transaction {hash} and stored before sending.</>
      ) : (
        'An authorization for the seller was signed.'
      );
    case 'payment.broadcast':
      return <>Transaction {hash} was sent.</>;
    case 'payment.replaced':
      return <>Replaced by transaction {hash} with a higher fee and the same nonce.</>;
    case 'payment.settled':
      return (
        <>
          Settled on chain in block {text('block')}, transaction {hash}.
        </>
      );
    case 'payment.final':
      return 'The settlement is final: its block can no longer be reverted.';
    case 'payment.reorged':
      return 'The chain dropped the block (reorganisation); the stored transaction is sent again.';
    case 'payment.failed':
      return `The payment failed: ${text('reason').replaceAll('_', ' ')}.`;
    default:
      return null;
  }
}
