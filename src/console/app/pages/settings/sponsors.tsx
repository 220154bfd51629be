import { useState } from 'react';
import { addressProblem } from '../../addressText.ts';
import { ask } from '../../api.ts';
import { Mono } from '../../components/mono.tsx';
import { AddressInput, type Confirmed, FormDialog, NameInput } from '../../forms.tsx';
import { useAsk } from '../../useAsk.ts';
import { inert } from '../../views.ts';
import { type Named, Roster } from './roster.tsx';

type Sponsor = Named & { treasury_address: string | null };

/** The active sponsors, as options of a select. */
export function useSponsors(): { value: string; label: string }[] {
  const { data } = useAsk<{ sponsors: Sponsor[] }>('/v1/sponsors', 'roster');
  return (data?.sponsors ?? [])
    .filter(({ status }) => status === 'active')
    .map(({ id, name }) => ({ value: id, label: inert(name) }));
}

/** The sponsors: people or teams responsible for agents. */
export function Sponsors() {
  const answer = useAsk<{ sponsors: Sponsor[] }>('/v1/sponsors');
  return (
    <Roster
      label="Sponsors"
      says="A sponsor is the person or team responsible for agents. Freezing a sponsor stops the spending of all its agents."
      path="/v1/sponsors"
      answer={answer}
      rowsOf={({ sponsors }) => sponsors}
      more={[{ title: 'Treasury', cell: ({ treasury_address: at }) => (at ? <Mono>{at}</Mono> : 'none') }]}
      add={{ label: 'Add a sponsor', form: (close) => <AddSponsor reload={answer.reload} onClose={close} /> }}
    />
  );
}

function AddSponsor({ reload, onClose }: { reload: () => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const [treasury, setTreasury] = useState('');
  const add = async (confirmed: Confirmed): Promise<void> => {
    await ask('/v1/sponsors', { ...confirmed, name, ...(treasury ? { treasury_address: treasury } : {}) });
    reload();
  };
  const wrong = name.trim() === '' ? 'Give a name.' : treasury === '' ? null : addressProblem(treasury);
  return (
    <FormDialog title="A new sponsor" submit="Add the sponsor" onClose={onClose} wrong={wrong} onSubmit={add}>
      <NameInput value={name} onChange={setName} />
      <AddressInput
        label="Treasury address"
        description="USDC from this address is booked as a deposit, not as an unexplained receipt."
        value={treasury}
        onChange={setTreasury}
      />
    </FormDialog>
  );
}
