import { Alert, Stack } from '@mantine/core';
import { useState } from 'react';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Empty } from '../components/empty.tsx';
import { Link } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { useAsk } from '../useAsk.ts';
import type { Payment } from '../views.ts';
import { OneReview } from './review.tsx';

/** Each review is loaded by itself, so that its shown data is as new as its typed data. */
const SHOWN = 20;
/** Answers that stay on the page after their reviews have left it. */
const TOLD = 5;

type Told = { payment: Payment; said: string };

/** The payments in review; `/reviews/<id>` shows one of them. */
export function Reviews({ only }: { only?: string }) {
  const waiting = useAsk<{ payments: Payment[]; next_cursor: string | null }>(
    only ? null : `/v1/payments?state=in_review&limit=${SHOWN}`,
  );
  const [told, setTold] = useState<Told[]>([]);
  if (only) {
    return (
      <Page title="Review" aside={<Link href="/reviews">All reviews</Link>}>
        <OneReview id={only} />
      </Page>
    );
  }
  const note = (payment: Payment, said: string): void =>
    setTold((before) => [{ payment, said }, ...before.filter((each) => each.payment.id !== payment.id)].slice(0, TOLD));
  return (
    <Page title="Reviews">
      <Answered told={told} />
      <AsyncContent answer={waiting}>
        {({ payments, next_cursor: next }) =>
          payments.length === 0 ? (
            <Empty>No payment is waiting for approval.</Empty>
          ) : (
            <>
              {payments.map(({ id }) => (
                <OneReview key={id} id={id} onSaid={note} />
              ))}
              {next && (
                <Empty>
                  These are the newest {SHOWN}. More reviews are waiting and appear here as these are answered.
                </Empty>
              )}
            </>
          )
        }
      </AsyncContent>
    </Page>
  );
}

/** The outcomes of the reviews answered on this page. The region is there before its text, so that screen readers read it. */
function Answered({ told }: { told: readonly Told[] }) {
  const { recipientOf } = useNames();
  return (
    <Stack role="status" gap="xs" mb={told.length > 0 ? 'md' : 0}>
      {told.map(({ payment, said }) => (
        <Alert key={payment.id} variant="outline" title={said}>
          {usdc(payment.amount)} to {recipientOf(payment) ?? 'an unknown address'}:{' '}
          <Link href={`/payments/${payment.id}`}>the payment</Link>
        </Alert>
      ))}
    </Stack>
  );
}
