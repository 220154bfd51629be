import { Checkbox, Group, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../../api.ts';
import { FormDialog, NameInput } from '../../forms.tsx';
import { useNames } from '../../names.tsx';
import { inert } from '../../views.ts';
import { Secret } from './secret.tsx';

type Role = 'agent' | 'auditor' | 'operator';
type Scope = 'pay' | 'read' | 'admin' | 'policy' | 'approve';
/** What a key of a role may hold; the server refuses more. */
const held: Record<Role, readonly Scope[]> = {
  agent: ['pay', 'read'],
  auditor: ['read'],
  operator: ['pay', 'read', 'admin', 'policy', 'approve'],
};
const meanings: Record<Scope, string> = {
  pay: 'pay: request payments',
  read: 'read: read everything the role may see',
  admin: 'admin: change agents, payees, people and keys',
  policy: 'policy: load and activate policies',
  approve: 'approve: submit signatures of approvers',
};

const DAY_MS = 86_400_000;
const ends = [
  { value: '7', label: 'in 7 days' },
  { value: '30', label: 'in 30 days' },
  { value: '90', label: 'in 90 days' },
  { value: '365', label: 'in a year' },
  { value: 'day', label: 'on a date' },
  { value: 'never', label: 'never, until it is revoked' },
];

/** `undefined`: never. Null: no day is chosen yet. */
function endOf(choice: string, day: string): string | null | undefined {
  if (choice === 'never') return undefined;
  if (choice !== 'day') return new Date(Date.now() + Number(choice) * DAY_MS).toISOString();
  const atMs = Date.parse(`${day}T00:00`);
  return Number.isNaN(atMs) ? null : new Date(atMs).toISOString();
}

/** Issues a key for one agent, or without `agent` for the chosen role and agent. */
export function IssueKey({ agent, onClose, reload }: { agent?: string; onClose: () => void; reload: () => void }) {
  const { agents, nameOf } = useNames();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('agent');
  const [whose, setWhose] = useState(agent ?? '');
  const [without, setWithout] = useState<Scope[]>([]);
  const [choice, setChoice] = useState('90');
  const [day, setDay] = useState('');
  const [secret, setSecret] = useState<string | null>(null);
  const scopes = held[role].filter((scope) => !without.includes(scope));
  const issue = async (): Promise<void> => {
    const expires = endOf(choice, day);
    const { key } = await ask<{ key: string }>('/v1/keys', {
      role,
      name,
      scopes,
      ...(role === 'agent' ? { agent: whose } : {}),
      ...(expires ? { expires_at: expires } : {}),
    });
    setSecret(key);
    reload();
  };
  const wrong = (): string | null => {
    if (name.trim() === '') return 'Give the key a name, for example the program or machine that uses it.';
    if (role === 'agent' && whose === '') return 'Choose the agent.';
    if (scopes.length === 0) return 'Choose at least one scope.';
    return endOf(choice, day) === null ? 'Choose the date.' : null;
  };
  if (secret !== null) return <Secret name={name} secret={secret} onClose={onClose} />;
  return (
    <FormDialog
      title={agent === undefined ? 'A new key' : `A new key of ${nameOf(agent)}`}
      submit="Issue the key"
      onClose={onClose}
      wrong={wrong()}
      onSubmit={issue}
      onDone={() => {}}
    >
      <NameInput value={name} onChange={setName} />
      {agent === undefined && (
        <NativeSelect
          label="Role"
          data={Object.keys(held)}
          value={role}
          onChange={(event) => {
            setRole(event.currentTarget.value as Role);
            setWithout([]);
          }}
        />
      )}
      {agent === undefined && role === 'agent' && (
        <NativeSelect
          label="Agent"
          data={[
            { value: '', label: 'choose' },
            ...agents.map(({ id, name: of }) => ({ value: id, label: inert(of) })),
          ]}
          value={whose}
          onChange={(event) => setWhose(event.currentTarget.value)}
        />
      )}
      <fieldset>
        <legend>Scopes</legend>
        {held[role].map((scope) => (
          <Checkbox
            key={scope}
            mt={6}
            label={meanings[scope]}
            checked={!without.includes(scope)}
            onChange={(event) =>
              setWithout(event.currentTarget.checked ? without.filter((one) => one !== scope) : [...without, scope])
            }
          />
        ))}
      </fieldset>
      <Group align="end">
        <NativeSelect
          label="Expires"
          data={ends}
          value={choice}
          onChange={(event) => setChoice(event.currentTarget.value)}
        />
        {choice === 'day' && (
          <TextInput label="Date" type="date" value={day} onChange={(event) => setDay(event.currentTarget.value)} />
        )}
      </Group>
    </FormDialog>
  );
}
