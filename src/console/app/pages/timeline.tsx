import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useNames } from '../names.tsx';
import { Json, Mono, short, When } from '../parts.tsx';
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
            <When at={event.at} /> by {by(event.actor)}, event {event.seq}
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

/** Who did it, in words: a person, Bursar itself, or a key. */
export function useActor(): (actor: string) => string {
  const { nameOf } = useNames();
  return (actor) => {
    if (actor === 'bursar') return 'Bursar';
    return actor.startsWith('key_') ? `the key …${actor.slice(-6)}` : nameOf(actor);
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
      return `The policy allowed it: ${reasons}.`;
    case 'payment.denied':
      return `The policy refused it: ${reasons}.`;
    case 'payment.review_requested':
      return `The policy asked for people: ${reasons}.`;
    case 'payment.retried':
      return `The same request came again; it was answered with this payment, ${text('state').replaceAll('_', ' ')} then.`;
    case 'payment.approved':
      return data.waits_for
        ? 'An approval came in; the gate decided again, and waits for more.'
        : 'The gate decided again, with the approvals, and allowed it.';
    case 'payment.rejected':
      if (data.by) return `${text('by')} rejected it${data.reason ? `: ${text('reason')}` : '.'}`;
      return `The gate decided again, and refused it: ${reasons}.`;
    case 'payment.expired':
      return 'Nobody answered in time.';
    case 'payment.signed':
      return data.hash ? (
        <>Signed as transaction {hash}, and stored before it was sent.</>
      ) : (
        'Authorized for the seller.'
      );
    case 'payment.broadcast':
      return <>Transaction {hash} was sent.</>;
    case 'payment.replaced':
      return <>Signed again with a higher fee, under the same nonce: {hash}.</>;
    case 'payment.settled':
      return (
        <>
          On the chain in block {text('block')}: {hash}.
        </>
      );
    case 'payment.final':
      return 'The chain says that it stays.';
    case 'payment.reorged':
      return 'Its block is gone from the chain; the stored transaction goes out again.';
    case 'payment.failed':
      return `It failed: ${text('reason').replaceAll('_', ' ')}.`;
    default:
      return null;
  }
}
