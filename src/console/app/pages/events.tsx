import { Button } from '@mantine/core';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Empty, Json, Loaded, Page, Rows, To, When } from '../parts.tsx';
import { setQuery, useLocation } from '../route.ts';
import type { Event } from '../views.ts';
import { useActor } from './timeline.tsx';

type Logged = Event & { payment: string | null; agent: string | null };
type Log = { events: Logged[]; head: { seq: number; hash: string } | null };
const PAGE = 50;

/** The append-only log, newest first: who did what, administrators too. */
export function Events() {
  const { nameOf } = useNames();
  const by = useActor();
  const { query: given } = useLocation();
  const asked = Number(given.get('before'));
  const before = Number.isSafeInteger(asked) && asked > 0 ? asked : null;
  const head = useAsk<Log>('/v1/events?after=999999999&limit=1');
  const newest = before ?? head.data?.head?.seq ?? null;
  const answer = useAsk<Log>(newest === null ? null : `/v1/events?after=${Math.max(0, newest - PAGE)}&limit=${PAGE}`);
  if (head.data === null || head.data.head === null) {
    return (
      <Page title="Events">
        <Loaded answer={head}>{() => <Empty>Nothing has happened yet.</Empty>}</Loaded>
      </Page>
    );
  }
  return (
    <Page title="Events">
      <Loaded answer={answer}>
        {({ events }) => (
          <>
            <div className="sheet">
              <Rows
                label="Events"
                rows={[...events].reverse()}
                keyOf={({ seq }) => String(seq)}
                empty="Nothing has happened yet."
                columns={[
                  { title: 'No.', cell: ({ seq }) => seq, right: true },
                  { title: 'Event', fit: true, cell: ({ type }) => type.replaceAll(/[._]/g, ' ') },
                  { title: 'When', fit: true, cell: ({ at }) => <When at={at} /> },
                  { title: 'By', cell: ({ actor }) => <span title={actor}>{by(actor)}</span> },
                  { title: 'Agent', cell: ({ agent }) => nameOf(agent) },
                  {
                    title: 'Payment',
                    cell: ({ payment }) => (payment ? <To href={`/payments/${payment}`}>timeline</To> : 'none'),
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
            </div>
            <div className="pager">
              {before !== null && (
                <Button variant="default" onClick={() => setQuery({})}>
                  Newest
                </Button>
              )}
              {newest !== null && newest > PAGE && (
                <Button variant="default" onClick={() => setQuery({ before: String(newest - PAGE) })}>
                  Older
                </Button>
              )}
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}
