import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { type Column, DataTable } from '../components/dataTable.tsx';
import { Empty } from '../components/empty.tsx';
import { Json } from '../components/json.tsx';
import { Mono } from '../components/mono.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { Opens } from '../forms.tsx';
import { can, useMe } from '../session.tsx';
import { useAsk } from '../useAsk.ts';
import { inert } from '../views.ts';
import { LoadBundle, VersionActs } from './policiesActs.tsx';
import { Compare } from './policiesDiff.tsx';
import { ShadowBox } from './policiesShadow.tsx';
import type { Version } from './policiesVersion.ts';

type Active = { digest: string; meters: Record<string, unknown>; timezone: string };

const columns: Column<Version>[] = [
  { title: 'Version', cell: ({ digest }) => <Mono>{digest}</Mono> },
  {
    title: 'State',
    cell: ({ active, shadow }) => <StatusBadge state={active ? 'active' : shadow ? 'in shadow' : 'loaded'} />,
  },
  { title: 'Note', cell: ({ note }) => inert(note) },
  { title: 'Loaded', cell: ({ loaded_at: at }) => <Timestamp at={at} /> },
  { title: 'Activated', cell: ({ activated_at: at }) => <Timestamp at={at} /> },
];

export function Policies() {
  const me = useMe();
  const mayAct = can(me, 'policy');
  const answer = useAsk<{ policies: Version[] }>('/v1/policies');
  const active = useAsk<Active>('/v1/policies/active');
  const { reload } = answer;
  const load = mayAct && (
    <Opens label="Load a bundle">{(close) => <LoadBundle onClose={close} onDone={reload} />}</Opens>
  );
  return (
    <Page title="Policies" aside={load}>
      <AsyncContent answer={answer}>
        {({ policies }) => {
          const acts: Column<Version> = {
            title: 'Change',
            cell: (version) => <VersionActs version={version} versions={policies} reload={reload} />,
          };
          return (
            <>
              <DataTable
                label="Versions"
                rows={policies}
                keyOf={({ digest }) => digest}
                empty="No policy is loaded; every payment is denied."
                columns={mayAct ? [...columns, acts] : columns}
              />
              <ShadowBox />
              {policies.length > 1 && <Compare versions={policies} />}
              {policies.length === 1 && <Empty>Load a second version to compare the two here.</Empty>}
            </>
          );
        }}
      </AsyncContent>
      <Card title="Meters of the active policy">
        <AsyncContent answer={active}>{({ meters }) => <Json label="Meters" value={meters} />}</AsyncContent>
      </Card>
    </Page>
  );
}
