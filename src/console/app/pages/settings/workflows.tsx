import { Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../../api.ts';
import { FormDialog, Opens } from '../../forms.tsx';
import { useAsk } from '../../live.tsx';
import { Loaded, Rows, State, When } from '../../parts.tsx';
import { can, useMe } from '../../session.tsx';
import { inert } from '../../views.ts';
import { StatusActs } from './statusActs.tsx';

type Workflow = { id: string; name: string; status: string; created_at: string };

/** Named jobs on whose behalf payments are made. */
export function Workflows() {
  const me = useMe();
  const answer = useAsk<{ workflows: Workflow[] }>('/v1/workflows');
  return (
    <>
      <Text size="sm" mb="sm">
        The named jobs on whose behalf agents pay. Nothing is paid for a frozen one.
      </Text>
      <Loaded answer={answer}>
        {({ workflows }) => (
          <Rows
            label="Workflows"
            rows={workflows}
            keyOf={({ id }) => id}
            empty="There are no workflows."
            columns={[
              { title: 'Name', cell: ({ name }) => inert(name) },
              { title: 'Status', cell: ({ status }) => <State state={status} /> },
              { title: 'Since', cell: ({ created_at: at }) => <When at={at} /> },
              ...(can(me, 'admin')
                ? [
                    {
                      title: 'Acts',
                      cell: (each: Workflow) => <StatusActs of={each} path="/v1/workflows" reload={answer.reload} />,
                    },
                  ]
                : []),
            ]}
          />
        )}
      </Loaded>
      {can(me, 'admin') && (
        <div style={{ marginTop: '0.75rem' }}>
          <Opens label="Add a workflow">{(close) => <AddWorkflow reload={answer.reload} onClose={close} />}</Opens>
        </div>
      )}
    </>
  );
}

function AddWorkflow({ reload, onClose }: { reload: () => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const add = async (): Promise<void> => {
    await ask('/v1/workflows', { name });
    reload();
  };
  const wrong = name.trim() === '' ? 'Give a name.' : null;
  return (
    <FormDialog title="A new workflow" submit="Add the workflow" onClose={onClose} wrong={wrong} onSubmit={add}>
      <TextInput
        label="Name"
        required
        maxLength={80}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
