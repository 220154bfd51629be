import { Button, NativeSelect, Paper, Text, TextInput } from '@mantine/core';
import { query } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { Page } from '../components/page.tsx';
import { download } from '../download.ts';
import { usdc } from '../format.ts';
import { setQuery, useQueryParameters } from '../navigation.ts';
import { useAsk } from '../useAsk.ts';
import { duration, inert, type Money, percent, type Rates } from '../views.ts';

type Row = Rates & { week: string; workflow: string; spend: Money };
type Report = { from: string; to: string; zone: string; rows: Row[]; csv: string };
const WEEK_MS = 7 * 86_400_000;
const DATE = /^\d{4}-\d\d-\d\d$/;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Completion, exceptions and time in review, per workflow and week; the weeks are in the page's address. */
export function Report() {
  const given = useQueryParameters();
  const date = (name: string, otherwise: string): string => {
    const text = given.get(name) ?? '';
    return DATE.test(text) ? text : otherwise;
  };
  const from = date('from', day(Date.now() - 3 * WEEK_MS));
  const to = date('to', day(Date.now()));
  const zone = given.get('zone') ?? '';
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const answer = useAsk<Report>(query('/v1/reports/pilot', { from, to, zone }));
  const choose = (name: string) => (event: { currentTarget: { value: string } }) =>
    setQuery({ from, to, zone, [name]: event.currentTarget.value }, true);
  const zones = [...new Set(['UTC', own, zone].filter((each) => each !== ''))];
  return (
    <Page title="Pilot report">
      <Paper withBorder p="md" className="card">
        <div className="filters">
          <TextInput type="date" label="From the week of" value={from} onChange={choose('from')} />
          <TextInput type="date" label="To the week of" value={to} onChange={choose('to')} />
          <NativeSelect
            className="wide"
            label="Time zone of the weeks"
            value={zone}
            data={[{ value: '', label: "the policy's time zone" }, ...zones]}
            onChange={choose('zone')}
          />
          <Button
            disabled={!answer.data}
            onClick={() => answer.data && download(`pilot-${from}-${to}.csv`, 'text/csv', answer.data.csv)}
          >
            Download CSV
          </Button>
        </div>
      </Paper>
      <AsyncContent answer={answer}>
        {({ rows, zone: used }) => (
          <>
            <div className="sheet">
              <DataTable
                label="Pilot report"
                rows={rows}
                keyOf={({ week, workflow }) => `${week} ${workflow}`}
                empty="No payment was requested in these weeks."
                columns={[
                  { title: 'Week of', cell: ({ week }) => week, fit: true },
                  { title: 'Workflow', cell: ({ workflow }) => inert(workflow) },
                  { title: 'Payments', cell: ({ payments }) => payments, right: true },
                  { title: 'Completed', cell: (row) => percent(row.completion_rate), right: true },
                  { title: 'Denied', cell: ({ denied }) => denied, right: true },
                  { title: 'Sent to review', cell: (row) => percent(row.exception_rate), right: true },
                  { title: 'Time in review', cell: (row) => duration(row.median_review_seconds), right: true },
                  { title: 'Spend', cell: ({ spend }) => usdc(spend), right: true },
                ]}
              />
            </div>
            <Text size="sm" c="dimmed">
              Weeks begin on Monday, 00:00 in {used}. Completed: settled payments, as a share of all that ended and were
              not denied. Sent to review: as a share of all requests. Time in review: the median.
            </Text>
          </>
        )}
      </AsyncContent>
    </Page>
  );
}
