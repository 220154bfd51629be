import { Alert, NativeSelect, SimpleGrid, Text } from '@mantine/core';
import { useState } from 'react';
import { changedLines, type Line } from '../changedLines.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { Empty } from '../components/empty.tsx';
import { Mono } from '../components/mono.tsx';
import { useAsk } from '../useAsk.ts';
import { inert } from '../views.ts';
import { nameOf, type Version } from './policiesVersion.ts';

type Bundle = { files: Record<string, string>; wasm: string };

export function Compare({ versions }: { versions: Version[] }) {
  const [one, setOne] = useState(versions[1]?.digest ?? '');
  const [other, setOther] = useState(versions[0]?.digest ?? '');
  const data = versions.map((version) => ({ value: version.digest, label: nameOf(version) }));
  return (
    <Card title="Compare two versions">
      <SimpleGrid cols={{ base: 1, sm: 2 }} mb="md">
        <NativeSelect label="From" data={data} value={one} onChange={(event) => setOne(event.currentTarget.value)} />
        <NativeSelect label="To" data={data} value={other} onChange={(event) => setOther(event.currentTarget.value)} />
      </SimpleGrid>
      <Changes from={one} to={other} />
    </Card>
  );
}

/** The differences of two bundles, file by file; and whether the compiled rules match the sources. */
export function Changes({ from, to }: { from: string; to: string }) {
  // A bundle never changes, so it is not fetched again with every payment.
  const before = useAsk<{ bundle: string }>(`/v1/policies/${from}/bundle`, 'roster');
  const after = useAsk<{ bundle: string }>(`/v1/policies/${to}/bundle`, 'roster');
  return (
    <AsyncContent answer={before}>
      {(left) => (
        <AsyncContent answer={after}>
          {(right) => <Files a={JSON.parse(left.bundle) as Bundle} b={JSON.parse(right.bundle) as Bundle} />}
        </AsyncContent>
      )}
    </AsyncContent>
  );
}

function Files({ a, b }: { a: Bundle; b: Bundle }) {
  const paths = [...new Set([...Object.keys(a.files), ...Object.keys(b.files)])]
    .filter((path) => a.files[path] !== b.files[path])
    .sort();
  return (
    <>
      <Rules isSame={a.wasm === b.wasm} hasChangedSources={paths.some((path) => path.endsWith('.rego'))} />
      {paths.length === 0 && <Empty>Sources and data are identical.</Empty>}
      {paths.map((path) => (
        <div key={path}>
          <Mono>{inert(path)}</Mono>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1) */}
          <section className="json diff" tabIndex={0} aria-label={`Changes of ${inert(path)}`}>
            <pre>
              {changedLines(a.files[path] ?? '', b.files[path] ?? '').map((line, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: lines have an order and never another
                <DiffLine key={index} line={line} />
              ))}
            </pre>
          </section>
        </div>
      ))}
    </>
  );
}

/** The server runs the WebAssembly, so unchanged sources beside changed rules would hide what decides. */
function Rules({ isSame, hasChangedSources }: { isSame: boolean; hasChangedSources: boolean }) {
  if (isSame) return <Text size="sm">The compiled rules are identical; only data (amounts and lists) differ.</Text>;
  if (hasChangedSources) return <Text size="sm">The compiled rules differ, and so do their sources.</Text>;
  return (
    <Alert color="red" variant="outline" role="alert" title="The compiled rules differ, but their sources do not.">
      Compile the sources yourself (bursar policy compile) and compare the digest before you trust this bundle.
    </Alert>
  );
}

/** Invisible and bidirectional characters are shown as marks, so that the page shows the rule that is really there. */
const shown = (text: string): string => inert(text.replaceAll('\t', '    '));

function DiffLine({ line }: { line: Line }) {
  const text = shown(line.text);
  if (line.kind === 'same') return <span>{`  ${text}`}</span>;
  return line.kind === 'add' ? <span className="add">{`+ ${text}`}</span> : <span className="del">{`- ${text}`}</span>;
}
