import { useState } from 'react';
import { ask } from '../../api.ts';
import { type Confirmed, FormDialog, NameInput } from '../../forms.tsx';
import { useAsk } from '../../useAsk.ts';
import { type Named, Roster } from './roster.tsx';

/** Workflows: named jobs that agents pay for. */
export function Workflows() {
  const answer = useAsk<{ workflows: Named[] }>('/v1/workflows');
  return (
    <Roster
      label="Workflows"
      says="A workflow is a named job that agents pay for. Payments for a frozen workflow are denied."
      path="/v1/workflows"
      answer={answer}
      rowsOf={({ workflows }) => workflows}
      add={{ label: 'Add a workflow', form: (close) => <AddWorkflow reload={answer.reload} onClose={close} /> }}
    />
  );
}

function AddWorkflow({ reload, onClose }: { reload: () => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const add = async (confirmed: Confirmed): Promise<void> => {
    await ask('/v1/workflows', { ...confirmed, name });
    reload();
  };
  const wrong = name.trim() === '' ? 'Give a name.' : null;
  return (
    <FormDialog title="A new workflow" submit="Add the workflow" onClose={onClose} wrong={wrong} onSubmit={add}>
      <NameInput value={name} onChange={setName} />
    </FormDialog>
  );
}
