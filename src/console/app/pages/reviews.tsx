import { useAsk } from '../live.tsx';
import { Empty, Loaded, Page, To } from '../parts.tsx';
import type { Payment } from '../views.ts';
import { OneReview } from './review.tsx';

/** Each is asked for by itself, so that what is signed is what is shown. */
const SHOWN = 20;

/** What waits for people; one of them is `/reviews/<id>`. */
export function Reviews({ only }: { only?: string }) {
  const waiting = useAsk<{ payments: Payment[]; next_cursor: string | null }>(
    only ? null : `/v1/payments?state=in_review&limit=${SHOWN}`,
  );
  if (only) {
    return (
      <Page title="Review" aside={<To href="/reviews">All reviews</To>}>
        <OneReview id={only} />
      </Page>
    );
  }
  return (
    <Page title="Reviews">
      <Loaded answer={waiting}>
        {({ payments, next_cursor: next }) =>
          payments.length === 0 ? (
            <Empty>Nothing waits for people.</Empty>
          ) : (
            <>
              {payments.map(({ id }) => (
                <OneReview key={id} id={id} />
              ))}
              {next && (
                <Empty>These are the newest {SHOWN}. More are waiting: they come up as these are answered.</Empty>
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
