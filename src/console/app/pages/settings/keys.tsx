import { Button, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../../api.ts';
import { AsyncContent } from '../../components/asyncContent.tsx';
import { DataTable } from '../../components/dataTable.tsx';
import { StatusBadge } from '../../components/statusBadge.tsx';
import { Timestamp } from '../../components/timestamp.tsx';
import { Act, FormDialog, Opens, Refused, useSending } from '../../forms.tsx';
import { useNames } from '../../names.tsx';
import { can, useMe } from '../../session.tsx';
import { useAsk } from '../../useAsk.ts';
import { inert } from '../../views.ts';
import { IssueKey } from './issueKey.tsx';
import { Secret } from './secret.tsx';

type Key = {
  id: string;
  role: string;
  agent: string | null;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
};

/** API keys, without their secrets: of everybody, or of one agent. */
export function Keys({ agent }: { agent?: string }) {
  const me = useMe();
  const { nameOf } = useNames();
  const answer = useAsk<{ keys: Key[] }>(can(me, 'audit') ? '/v1/keys' : null);
  const sending = useSending();
  const [rotated, setRotated] = useState<Key | null>(null);
  const mayAct = can(me, 'admin');
  if (!can(me, 'audit')) return <p>Only operators and auditors can see the keys.</p>;
  return (
    <>
      <Refused problem={sending.problem} />
      <AsyncContent answer={answer}>
        {({ keys }) => (
          <DataTable
            label="API keys"
            rows={keys.filter((key) => agent === undefined || key.agent === agent)}
            keyOf={({ id }) => id}
            empty="There are no keys."
            columns={[
              { title: 'Name', cell: ({ name }) => inert(name) },
              ...(agent === undefined
                ? [{ title: 'Holder', cell: (key: Key) => (key.agent ? nameOf(key.agent) : key.role) }]
                : []),
              { title: 'Scopes', cell: ({ scopes }) => scopes.join(', ') },
              { title: 'State', cell: (key) => <StatusBadge state={stateOf(key)} /> },
              { title: 'Created', cell: ({ created_at: at }) => <Timestamp at={at} /> },
              { title: 'Expires', cell: ({ expires_at: at, revoked_at: revoked }) => <Timestamp at={revoked ?? at} /> },
              ...(mayAct
                ? [
                    {
                      title: 'Actions',
                      cell: (key: Key) =>
                        stateOf(key) !== 'active' ? (
                          'none'
                        ) : (
                          <span className="acts">
                            <Button
                              size="compact-xs"
                              variant="default"
                              aria-label={`Rotate ${inert(key.name)}`}
                              onClick={() => setRotated(key)}
                            >
                              Rotate
                            </Button>
                            <Act
                              label="Revoke"
                              name={`Revoke ${inert(key.name)}`}
                              ask={`Revoke the key ${inert(key.name)} at once?`}
                              sending={sending}
                              job={() => ask(`/v1/keys/${key.id}/revoke`, {})}
                              then={answer.reload}
                            />
                          </span>
                        ),
                    },
                  ]
                : []),
            ]}
          />
        )}
      </AsyncContent>
      {mayAct && (
        <div style={{ marginTop: '0.75rem' }}>
          <Opens label="Issue a key">
            {(close) => <IssueKey {...(agent === undefined ? {} : { agent })} onClose={close} reload={answer.reload} />}
          </Opens>
        </div>
      )}
      {rotated && (
        <RotateKey name={rotated.name} id={rotated.id} onClose={() => setRotated(null)} reload={answer.reload} />
      )}
    </>
  );
}

function stateOf({ revoked_at: revoked, expires_at: ends }: Key): string {
  if (revoked !== null) return 'revoked';
  return ends !== null && Date.parse(ends) <= Date.now() ? 'expired' : 'active';
}

const graces = [
  { value: '0', label: 'at once' },
  { value: '600', label: 'in 10 minutes' },
  { value: '3600', label: 'in 1 hour' },
  { value: '86400', label: 'in 1 day' },
];

function RotateKey(props: { id: string; name: string; onClose: () => void; reload: () => void }) {
  const { id, name, onClose, reload } = props;
  const [grace, setGrace] = useState('600');
  const [secret, setSecret] = useState<string | null>(null);
  const rotate = async (): Promise<void> => {
    const { key } = await ask<{ key: string }>(`/v1/keys/${id}/rotate`, { grace_seconds: Number(grace) });
    setSecret(key);
    reload();
  };
  if (secret !== null) return <Secret name={name} secret={secret} onClose={onClose} />;
  return (
    <FormDialog
      title={`Replace the key ${inert(name)}`}
      submit="Create the new key"
      onClose={onClose}
      onSubmit={rotate}
      onDone={() => {}}
    >
      <NativeSelect
        label="The old key expires"
        description="Leaves time to install the new key."
        data={graces}
        value={grace}
        onChange={(event) => setGrace(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
