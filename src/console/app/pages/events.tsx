import { Button } from '@mantine/core';
import { useState } from 'react';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Json, Loaded, Page, Rows, To, When } from '../parts.tsx';
import type { Event } from '../views.ts';

type Logged = Event & { payment: string | null; agent: string | null };
type Log = { events: Logged[]; head: { seq: number; hash: string } | null };
const PAGE = 100;

/** The append-only log, newest first: who did what, administrators too. */
export function Events() {
  const { nameOf } = useNames();
  const [before, setBefore] = useState<number | null>(null);
  const head = useAsk<Log>('/v1/events?after=999999999&limit=1');
  const newest = before ?? head.data?.head?.seq ?? null;
  const answer = useAsk<Log>(newest === null ? null : `/v1/events?after=${Math.max(0, newest - PAGE)}&limit=${PAGE}`);
  if (head.data && head.data.head === null) return <Page title="Events">Nothing has happened yet.</Page>;
  return (
    <Page title="Events">
      <Loaded answer={answer}>
        {({ events }) => (
          <>
            <Rows
              label="Events"
              rows={[...events].reverse()}
              keyOf={({ seq }) => String(seq)}
              empty="Nothing has happened yet."
              columns={[
                { title: 'Event', cell: ({ seq, type }) => `${seq} ${type.replaceAll('_', ' ')}` },
                { title: 'When', cell: ({ at }) => <When at={at} /> },
                { title: 'By', cell: ({ actor }) => (actor === 'bursar' ? 'Bursar' : nameOf(actor)) },
                { title: 'Agent', cell: ({ agent }) => nameOf(agent) },
                {
                  title: 'Payment',
                  cell: ({ payment }) => (payment ? <To href={`/payments/${payment}`}>story</To> : 'none'),
                },
                {
                  title: 'Details',
                  cell: ({ seq, data, hash }) => (
                    <details>
                      <summary>Show</summary>
                      <Json label={`Details of event ${seq}`} value={{ ...data, hash }} />
                    </details>
                  ),
                },
              ]}
            />
            <div>
              {newest !== null && newest > PAGE && (
                <Button variant="default" onClick={() => setBefore(newest - PAGE)}>
                  Show older ones
                </Button>
              )}{' '}
              {before !== null && (
                <Button variant="default" onClick={() => setBefore(null)}>
                  Back to the newest
                </Button>
              )}
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}
