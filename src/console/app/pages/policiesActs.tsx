import { Group, Text, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { ask } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Mono } from '../components/mono.tsx';
import { FormDialog, Opens } from '../forms.tsx';
import { useAsk } from '../useAsk.ts';
import { Changes } from './policiesDiff.tsx';
import { type Differences, Sums } from './policiesShadow.tsx';
import { activeOf, beforeOf, nameOf, type Version } from './policiesVersion.ts';

const BYTES_MAX = 4_000_000;

/** Loads a compiled bundle from a file. The server verifies it; it decides nothing until it is activated. */
export function LoadBundle({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [note, setNote] = useState('');
  const wrong = (): string | null => {
    if (file === null) return 'Choose the file that bursar policy compile has written.';
    if (file.size > BYTES_MAX) return 'The file is too large: a bundle has at most 4 MB.';
    return note.trim() === '' ? 'Write a note: why is this version loaded?' : null;
  };
  const load = async (): Promise<void> => {
    await ask('/v1/policies', { bundle: await file?.text(), note: note.trim() });
    onDone();
  };
  return (
    <FormDialog title="Load a bundle" submit="Load it" onClose={onClose} wrong={wrong()} onSubmit={load}>
      <Text size="sm">
        The bundle is checked and stored under its digest. It decides nothing until an operator activates it. To create
        one: bursar policy compile my-policy --out bundle.json.
      </Text>
      <label>
        Bundle file{' '}
        <input
          type="file"
          accept="application/json,.json"
          onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)}
        />
      </label>
      <TextInput
        label="Note"
        description="Why this version is loaded. Visible to everyone with read access."
        required
        maxLength={200}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
    </FormDialog>
  );
}

type Step = { title: string; submit: string; path: string; body?: object; says: ReactNode };

/** A question with the whole difference to the active policy, and one button that activates it. */
function Confirm(props: { step: Step; to: Version; versions: Version[]; onClose: () => void; onDone: () => void }) {
  const { step, to, versions, onClose, onDone } = props;
  const active = activeOf(versions);
  const act = async (): Promise<void> => {
    await ask(step.path, step.body ?? {});
    onDone();
  };
  return (
    <FormDialog title={step.title} submit={step.submit} onClose={onClose} onSubmit={act}>
      <Text size="sm">
        <Mono>{to.digest}</Mono> ({nameOf(to)})
      </Text>
      <Text size="sm">{step.says}</Text>
      {active && <Changes from={active.digest} to={to.digest} />}
      {to.shadow && <Told />}
    </FormDialog>
  );
}

function Told() {
  const answer = useAsk<Differences>('/v1/policies/differences?limit=1');
  return <AsyncContent answer={answer}>{({ summary }) => <Sums summary={summary} />}</AsyncContent>;
}

/** What an operator may do with one version. */
export function VersionActs({
  version,
  versions,
  reload,
}: {
  version: Version;
  versions: Version[];
  reload: () => void;
}) {
  const { digest, active, shadow } = version;
  const before = beforeOf(versions);
  const opens = (label: string, step: Step, to: Version) => (
    <Opens label={label} name={`${label}: ${nameOf(version)}`} small>
      {(close) => <Confirm step={step} to={to} versions={versions} onClose={close} onDone={reload} />}
    </Opens>
  );
  if (active) {
    if (!before) return null;
    const says = 'The previously active version decides again, from the next payment on.';
    const step = {
      title: 'Roll back?',
      submit: 'Roll back',
      path: '/v1/policies/rollback',
      body: { to: before.digest },
      says,
    };
    return opens('Roll back', step, before);
  }
  const activate: Step = {
    title: 'Activate this version?',
    submit: 'Activate it',
    path: `/v1/policies/${digest}/activate`,
    says: 'It decides from the next payment on. Earlier decisions stay; payments in review are decided again under it.',
  };
  const start: Step = {
    title: 'Try this version in shadow?',
    submit: 'Start the shadow',
    path: '/v1/policies/shadow',
    body: { digest },
    says: 'It is evaluated for every payment next to the active version, without effect. It replaces any candidate already in shadow.',
  };
  const end: Step = {
    title: 'End the shadow?',
    submit: 'End the shadow',
    path: '/v1/policies/shadow',
    body: { digest: null },
    says: 'It is no longer evaluated. The recorded differences are kept.',
  };
  return (
    <Group gap="xs">
      {opens('Activate', activate, version)}
      {shadow ? opens('End shadow', end, version) : activeOf(versions) && opens('Try in shadow', start, version)}
    </Group>
  );
}
