import { NativeSelect, SimpleGrid } from '@mantine/core';
import { useState } from 'react';
import { type Line, lineDiff } from '../lineDiff.ts';
import { useAsk } from '../live.tsx';
import { Box, Empty, Json, Loaded, Mono, Page, Rows, State, When } from '../parts.tsx';

type Version = { digest: string; note: string; active: boolean; loaded_at: string; activated_at: string | null };
type Active = { digest: string; meters: Record<string, unknown>; timezone: string };

export function Policies() {
  const answer = useAsk<{ policies: Version[] }>('/v1/policies');
  const active = useAsk<Active>('/v1/policies/active');
  return (
    <Page title="Policies">
      <Loaded answer={answer}>
        {({ policies }) => (
          <>
            <Rows
              label="Versions"
              rows={policies}
              keyOf={({ digest }) => digest}
              empty="No policy is loaded: every payment is denied."
              columns={[
                { title: 'Version', cell: ({ digest }) => <Mono>{digest}</Mono> },
                { title: 'State', cell: (version) => <State state={version.active ? 'active' : 'loaded'} /> },
                { title: 'Note', cell: ({ note }) => note },
                { title: 'Loaded', cell: ({ loaded_at: at }) => <When at={at} /> },
                { title: 'Activated', cell: ({ activated_at: at }) => <When at={at} /> },
              ]}
            />
            {policies.length > 1 && <Compare versions={policies} />}
            {policies.length === 1 && <Empty>With a second version, the two can be compared here.</Empty>}
          </>
        )}
      </Loaded>
      <Box title="Meters of the active policy">
        <Loaded answer={active}>{({ meters }) => <Json label="Meters" value={meters} />}</Loaded>
      </Box>
    </Page>
  );
}

type Bundle = { files: Record<string, string> };

function Compare({ versions }: { versions: Version[] }) {
  const [one, setOne] = useState(versions[1]?.digest ?? '');
  const [other, setOther] = useState(versions[0]?.digest ?? '');
  const before = useAsk<{ bundle: string }>(`/v1/policies/${one}/bundle`);
  const after = useAsk<{ bundle: string }>(`/v1/policies/${other}/bundle`);
  const data = versions.map(({ digest, note }) => ({ value: digest, label: `${digest.slice(7, 19)} (${note})` }));
  return (
    <Box title="Compare two versions">
      <SimpleGrid cols={{ base: 1, sm: 2 }} mb="md">
        <NativeSelect label="From" data={data} value={one} onChange={(event) => setOne(event.currentTarget.value)} />
        <NativeSelect label="To" data={data} value={other} onChange={(event) => setOther(event.currentTarget.value)} />
      </SimpleGrid>
      <Loaded answer={before}>
        {(left) => <Loaded answer={after}>{(right) => <Files left={left.bundle} right={right.bundle} />}</Loaded>}
      </Loaded>
    </Box>
  );
}

function Files({ left, right }: { left: string; right: string }) {
  const [a, b] = [(JSON.parse(left) as Bundle).files, (JSON.parse(right) as Bundle).files];
  const paths = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((path) => a[path] !== b[path]).sort();
  if (paths.length === 0) return <Empty>Their sources and data are the same.</Empty>;
  return paths.map((path) => (
    <div key={path}>
      <Mono>{path}</Mono>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1) */}
      <section className="json diff" tabIndex={0} aria-label={`Changes of ${path}`}>
        <pre>
          {lineDiff(a[path] ?? '', b[path] ?? '').map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have an order and never another
            <DiffLine key={index} line={line} />
          ))}
        </pre>
      </section>
    </div>
  ));
}

function DiffLine({ line }: { line: Line }) {
  if (line.kind === 'same') return <span>{`  ${line.text}`}</span>;
  return line.kind === 'add' ? (
    <span className="add">{`+ ${line.text}`}</span>
  ) : (
    <span className="del">{`- ${line.text}`}</span>
  );
}
