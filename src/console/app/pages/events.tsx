import { Button } from '@mantine/core';
import { AsyncContent } from '../components/asyncContent.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { Empty } from '../components/empty.tsx';
import { Json } from '../components/json.tsx';
import { Link } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { useNames } from '../names.tsx';
import { setQuery, useQueryParameters } from '../navigation.ts';
import { useAsk } from '../useAsk.ts';
import type { Event } from '../views.ts';
import { useActor } from './timeline.tsx';

type Logged = Event & { payment: string | null; agent: string | null };
type Log = { events: Logged[]; head: { seq: number; hash: string } | null };
const PAGE = 50;

/** The append-only log, newest first, administrators' actions included. */
export function Events() {
  const { nameOf } = useNames();
  const by = useActor();
  const given = useQueryParameters();
  const asked = Number(given.get('before'));
  const before = Number.isSafeInteger(asked) && asked > 0 ? asked : null;
  const head = useAsk<Log>('/v1/events?after=999999999&limit=1');
  const newest = before ?? head.data?.head?.seq ?? null;
  const answer = useAsk<Log>(newest === null ? null : `/v1/events?after=${Math.max(0, newest - PAGE)}&limit=${PAGE}`);
  if (head.data === null || head.data.head === null) {
    return (
      <Page title="Events">
        <AsyncContent answer={head}>{() => <Empty>Nothing has happened yet.</Empty>}</AsyncContent>
      </Page>
    );
  }
  return (
    <Page title="Events">
      <AsyncContent answer={answer}>
        {({ events }) => (
          <>
            <div className="sheet">
              <DataTable
                label="Events"
                rows={[...events].reverse()}
                keyOf={({ seq }) => String(seq)}
                empty="Nothing has happened yet."
                columns={[
                  { title: 'No.', cell: ({ seq }) => seq, right: true },
                  { title: 'Event', fit: true, cell: ({ type }) => type.replaceAll(/[._]/g, ' ') },
                  { title: 'When', fit: true, cell: ({ at }) => <Timestamp at={at} /> },
                  { title: 'By', cell: ({ actor }) => <span title={actor}>{by(actor)}</span> },
                  { title: 'Agent', cell: ({ agent }) => nameOf(agent) },
                  {
                    title: 'Payment',
                    cell: ({ payment }) => (payment ? <Link href={`/payments/${payment}`}>timeline</Link> : 'none'),
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
      </AsyncContent>
    </Page>
  );
}
