import { Alert, Button, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { Problem } from './api.ts';
import type { Answer } from './live.tsx';
import { follow } from './route.ts';
import { inert } from './views.ts';

export function Page({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <div className="page">
      <div style={{ display: 'flex', gap: '1rem', alignItems: 'center', flexWrap: 'wrap', marginBottom: '1rem' }}>
        <Title order={1} size="h2" style={{ flex: 1 }}>
          {title}
        </Title>
        {aside}
      </div>
      <Stack gap="md">{children}</Stack>
    </div>
  );
}

export function Box({ title, children }: { title?: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md" component="section" className="card" aria-label={title}>
      {title && (
        <Title order={2} size="h4" mb="sm">
          {title}
        </Title>
      )}
      {children}
    </Paper>
  );
}

/** Loading, failed, or what came. */
export function Loaded<T>({ answer, children }: { answer: Answer<T>; children: (data: T) => ReactNode }) {
  const { data, problem, reload } = answer;
  return (
    <>
      {problem && <Failed problem={problem} retry={reload} isOld={data !== null} />}
      {data === null && !problem && <Loading />}
      {data !== null && children(data)}
    </>
  );
}

/** The problem, what to do, and a button to try again. `isOld`: older data is shown below. */
export function Failed({ problem, retry, isOld = false }: { problem: Problem; retry: () => void; isOld?: boolean }) {
  return (
    <Alert color="red" variant="outline" title={inert(problem.message)} role="alert">
      <Text size="sm" mb="xs">
        {inert(problem.action)}
        {isOld && ' The data below may be out of date.'}
      </Text>
      <Button size="xs" variant="default" onClick={retry}>
        Try again
      </Button>
    </Alert>
  );
}

export function Loading() {
  return (
    <div aria-busy="true" role="status">
      <Text size="sm" mb="xs" className="loading">
        Loading…
      </Text>
      <Skeleton height={16} mb="xs" />
      <Skeleton height={16} mb="xs" width="80%" />
      <Skeleton height={16} width="60%" />
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return (
    <Text c="dimmed" py="md">
      {children}
    </Text>
  );
}

/** `fit`: never broken into lines on a wide screen. */
export type Column<R> = { title: string; cell: (row: R) => ReactNode; right?: boolean; fit?: boolean };

/** A table that becomes cards on a narrow screen; the roles keep it a table for screen readers there. */
export function Rows<R>(props: {
  label: string;
  rows: readonly R[];
  keyOf: (row: R) => string;
  columns: Column<R>[];
  empty: string;
}) {
  const { label, rows, keyOf, columns, empty } = props;
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <table className="rows" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ title, right }) => (
            <th key={title} scope="col" className={right ? 'right' : undefined}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ title, cell, right, fit }) => (
              <td key={title} data-label={title} className={right ? 'right' : fit ? 'fit' : undefined}>
                <span>{cell(row)}</span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const tones: Record<string, 'good' | 'bad' | 'wait'> = {
  ...Object.fromEntries(['settled', 'final', 'active', 'ok', 'success', 'verified'].map((state) => [state, 'good'])),
  ...Object.fromEntries(
    ['denied', 'rejected', 'failed', 'revoked', 'blocked', 'FAIL', 'reverted'].map((s) => [s, 'bad']),
  ),
  ...Object.fromEntries(['in_review', 'frozen', 'requested', 'pending'].map((state) => [state, 'wait'])),
};
/** Shape and word tell it, not the colour alone. */
export function State({ state }: { state: string }) {
  return (
    <span className="state" data-tone={tones[state] ?? 'plain'}>
      {state.replaceAll('_', ' ')}
    </span>
  );
}

export function To({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} onClick={follow} style={{ color: 'var(--mantine-color-anchor)' }}>
      {children}
    </a>
  );
}

/** A hash, an address or an id, whole, with a button that copies it. */
export function Copyable({ value, what }: { value: string; what: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(value);
    setDone(true);
  };
  return (
    <>
      <Mono>{value}</Mono>
      <button type="button" className="copy" aria-label={`Copy ${what}`} onClick={() => void copy().catch(() => {})}>
        {isDone ? 'Copied' : 'Copy'}
      </button>
    </>
  );
}

export const Mono = ({ children }: { children: ReactNode }) => <span className="mono">{children}</span>;
export const short = (text: string): string => (text.length > 16 ? `${text.slice(0, 8)}…${text.slice(-6)}` : text);
export const usdc = ({ value }: { value: string }): string => `${value} USDC`;

/** The year only where it is another one. */
function shownTime(at: Date): string {
  const isThisYear = at.getFullYear() === new Date().getFullYear();
  const day = { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' } as const;
  return at.toLocaleString(undefined, isThisYear ? day : { ...day, year: 'numeric' });
}

/** Local time, with the exact one for anyone who asks. */
export function When({ at }: { at: string | null }) {
  if (at === null) return <>never</>;
  return (
    <time dateTime={at} title={at}>
      {shownTime(new Date(at))}
    </time>
  );
}

export function Json({ value, label }: { value: unknown; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1)
    <section className="json" tabIndex={0} aria-label={label}>
      <pre>{JSON.stringify(value, null, 2)}</pre>
    </section>
  );
}

/** Gives the person a file that is made here. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
