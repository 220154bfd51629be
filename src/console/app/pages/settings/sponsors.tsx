import { Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { addressProblem } from '../../addressText.ts';
import { ask } from '../../api.ts';
import { AddressInput, FormDialog, Opens } from '../../forms.tsx';
import { useAsk } from '../../live.tsx';
import { Loaded, Mono, Rows, State, When } from '../../parts.tsx';
import { can, useMe } from '../../session.tsx';
import { inert } from '../../views.ts';
import { StatusActs } from './statusActs.tsx';

type Sponsor = { id: string; name: string; status: string; treasury_address: string | null; created_at: string };

/** For a choice of one: those that are active. */
export function useSponsors(): { value: string; label: string }[] {
  const { data } = useAsk<{ sponsors: Sponsor[] }>('/v1/sponsors', 'roster');
  return (data?.sponsors ?? [])
    .filter(({ status }) => status === 'active')
    .map(({ id, name }) => ({ value: id, label: inert(name) }));
}

/** Who answers for agents. */
export function Sponsors() {
  const me = useMe();
  const answer = useAsk<{ sponsors: Sponsor[] }>('/v1/sponsors');
  return (
    <>
      <Text size="sm" mb="sm">
        The person or team answerable for agents. Freezing one stops the spending of all its agents.
      </Text>
      <Loaded answer={answer}>
        {({ sponsors }) => (
          <Rows
            label="Sponsors"
            rows={sponsors}
            keyOf={({ id }) => id}
            empty="There are no sponsors."
            columns={[
              { title: 'Name', cell: ({ name }) => inert(name) },
              { title: 'Status', cell: ({ status }) => <State state={status} /> },
              { title: 'Treasury', cell: ({ treasury_address: at }) => (at ? <Mono>{at}</Mono> : 'none') },
              { title: 'Since', cell: ({ created_at: at }) => <When at={at} /> },
              ...(can(me, 'admin')
                ? [
                    {
                      title: 'Acts',
                      cell: (each: Sponsor) => <StatusActs of={each} path="/v1/sponsors" reload={answer.reload} />,
                    },
                  ]
                : []),
            ]}
          />
        )}
      </Loaded>
      {can(me, 'admin') && (
        <div style={{ marginTop: '0.75rem' }}>
          <Opens label="Add a sponsor">{(close) => <AddSponsor reload={answer.reload} onClose={close} />}</Opens>
        </div>
      )}
    </>
  );
}

function AddSponsor({ reload, onClose }: { reload: () => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const [treasury, setTreasury] = useState('');
  const add = async (): Promise<void> => {
    await ask('/v1/sponsors', { name, ...(treasury ? { treasury_address: treasury } : {}) });
    reload();
  };
  const wrong = name.trim() === '' ? 'Give a name.' : treasury === '' ? null : addressProblem(treasury);
  return (
    <FormDialog title="A new sponsor" submit="Add the sponsor" onClose={onClose} wrong={wrong} onSubmit={add}>
      <TextInput
        label="Name"
        required
        maxLength={80}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <AddressInput
        label="Treasury address"
        description="USDC that comes from here is a deposit, not a surprise."
        value={treasury}
        onChange={setTreasury}
      />
    </FormDialog>
  );
}
