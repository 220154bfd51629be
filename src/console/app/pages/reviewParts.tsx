import { Text } from '@mantine/core';
import { Copyable } from '../components/copyable.tsx';
import { Mono } from '../components/mono.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { useNames } from '../names.tsx';
import { inert, type Payee, type Payment } from '../views.ts';

/** The destination address, with signs of address fraud: new, changed or unverified. */
export function Destination({ payment, payee }: { payment: Payment; payee: Payee | undefined }) {
  const { recipientOf } = useNames();
  const ours = payee ? null : recipientOf(payment);
  const known = payee?.addresses.find(({ address }) => address === payment.address);
  const old = formerAddress(payment, payee);
  const address = <Copyable value={payment.address} what="the address" />;
  if (old !== null) {
    return (
      <span className="swap">
        <span>
          Was <del>{<Mono>{old}</Mono>}</del>
        </span>
        <span>
          Now <ins>{address}</ins>
        </span>
        <Text span size="sm" c="dimmed">
          {known ? (
            <>
              Changed <Timestamp at={known.changed_at ?? known.first_seen_at} />;{' '}
              {known.verified_at ? 'verified since' : 'the new address is not verified'}
            </>
          ) : (
            'The new address is not registered for this payee'
          )}
        </Text>
      </span>
    );
  }
  return (
    <span className="swap">
      <span>{address}</span>
      <Text span size="sm" c="dimmed">
        {!payee && (ours === null ? 'Address of no registered payee' : `Agent of this Bursar: ${ours}`)}
        {payee && !known && 'Not a registered address of this payee'}
        {known && (known.verified_at ? 'Verified' : 'Not verified')}
        {known && (
          <>
            , first seen <Timestamp at={known.first_seen_at} />
          </>
        )}
      </Text>
    </span>
  );
}

/** The address that this one replaces; null if none. */
function formerAddress(payment: Payment, payee: Payee | undefined): string | null {
  const asked = payment.reasons.find(({ code }) => code === 'host_address_changed');
  if (typeof asked?.limit === 'string') return asked.limit;
  const known = payee?.addresses.find(({ address }) => address === payment.address);
  if (payee && !known) return payee.addresses.find(({ retired_at: retired }) => retired === null)?.address ?? null;
  if (!known?.changed_at) return null;
  const before = (payee?.addresses ?? [])
    .filter(({ address, retired_at: retired }) => address !== payment.address && retired !== null)
    .sort((a, b) => (String(a.retired_at) < String(b.retired_at) ? 1 : -1));
  return before[0]?.address ?? null;
}

/** The rules that fired, with their values as text. */
export function Reasons({ reasons }: { reasons: Payment['reasons'] }) {
  return (
    <ul className="reasons">
      {reasons.map(({ rule, code, message }) => (
        <li key={`${rule} ${code} ${message}`}>
          {inert(message)}
          <span className="rule">
            Rule {inert(rule)} ({inert(code)})
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The number of counting approvals against the quorum. */
export function Progress({ payment: { review } }: { payment: Payment }) {
  if (!review) return <>None required</>;
  const done = review.approvals.filter(({ verdict, counts }) => verdict === 'approve' && counts).length;
  return (
    <>
      <span className="steps" aria-hidden="true">
        {Array.from({ length: review.quorum }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: steps differ by their place only
          <i key={index} data-done={index < done} />
        ))}
      </span>
      {done} of {review.quorum} from {review.roles.join(' or ')}
    </>
  );
}

/** The answers so far, with their comments. */
export function Verdicts({ payment: { review } }: { payment: Payment }) {
  if (!review || review.approvals.length === 0) return null;
  return (
    <ul>
      {review.approvals.map(({ approver, verdict, counts, reason, at }) => (
        <li key={approver}>
          <strong>{inert(approver)}</strong> {verdict === 'approve' ? 'approved' : 'rejected'} it, <Timestamp at={at} />
          {verdict === 'approve' && !counts && ': the policy does not count this signature'}
          {reason && <>: {inert(reason)}</>}
        </li>
      ))}
    </ul>
  );
}
