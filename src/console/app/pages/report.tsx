import { Button, Group, TextInput } from '@mantine/core';
import { useState } from 'react';
import { query } from '../api.ts';
import { useAsk } from '../live.tsx';
import { download, Loaded, Page, Rows, usdc } from '../parts.tsx';
import { duration, type Money, percent, type Rates } from '../views.ts';

type Row = Rates & { week: string; workflow: string; spend: Money };
type Report = { from: string; to: string; rows: Row[]; csv: string };
const WEEK_MS = 7 * 86_400_000;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Completion, exceptions and time in review, per workflow and week. */
export function Report() {
  const [from, setFrom] = useState(() => day(Date.now() - 3 * WEEK_MS));
  const [to, setTo] = useState(() => day(Date.now()));
  const answer = useAsk<Report>(query('/v1/reports/pilot', { from, to }));
  return (
    <Page title="Pilot report">
      <Group align="end">
        <TextInput type="date" label="From the week of" value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
        <TextInput type="date" label="To the week of" value={to} onChange={(e) => setTo(e.currentTarget.value)} />
        <Button
          variant="default"
          disabled={!answer.data}
          onClick={() => answer.data && download(`pilot-${from}-${to}.csv`, 'text/csv', answer.data.csv)}
        >
          Download CSV
        </Button>
      </Group>
      <Loaded answer={answer}>
        {({ rows }) => (
          <Rows
            label="Pilot report"
            rows={rows}
            keyOf={({ week, workflow }) => `${week} ${workflow}`}
            empty="No payment was asked for in these weeks."
            columns={[
              { title: 'Week of', cell: ({ week }) => week },
              { title: 'Workflow', cell: ({ workflow }) => workflow },
              { title: 'Payments', cell: ({ payments }) => payments, right: true },
              { title: 'Completed', cell: (row) => percent(row.completion_rate), right: true },
              { title: 'Denied', cell: ({ denied }) => denied, right: true },
              { title: 'Needed a person', cell: (row) => percent(row.exception_rate), right: true },
              { title: 'Time in review', cell: (row) => duration(row.median_review_seconds), right: true },
              { title: 'Spend', cell: ({ spend }) => usdc(spend), right: true },
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
}
