import { Opens } from '../forms.tsx';
import { useAsk } from '../live.tsx';
import { Box, type Column, Empty, Json, Loaded, Mono, Page, Rows, State, When } from '../parts.tsx';
import { can, useMe } from '../session.tsx';
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
    cell: ({ active, shadow }) => <State state={active ? 'active' : shadow ? 'in shadow' : 'loaded'} />,
  },
  { title: 'Note', cell: ({ note }) => inert(note) },
  { title: 'Loaded', cell: ({ loaded_at: at }) => <When at={at} /> },
  { title: 'Activated', cell: ({ activated_at: at }) => <When at={at} /> },
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
      <Loaded answer={answer}>
        {({ policies }) => {
          const acts: Column<Version> = {
            title: 'Change',
            cell: (version) => <VersionActs version={version} versions={policies} reload={reload} />,
          };
          return (
            <>
              <Rows
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
      </Loaded>
      <Box title="Meters of the active policy">
        <Loaded answer={active}>{({ meters }) => <Json label="Meters" value={meters} />}</Loaded>
      </Box>
    </Page>
  );
}
