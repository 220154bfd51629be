import { Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { addressProblem } from '../addressText.ts';
import { ask } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { Link } from '../components/link.tsx';
import { Mono } from '../components/mono.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { AddressInput, type Confirmed, FormDialog, NameInput, Opens, wordsOf } from '../forms.tsx';
import { useNames } from '../names.tsx';
import { go } from '../navigation.ts';
import { can, useMe } from '../session.tsx';
import { useAsk } from '../useAsk.ts';
import { inert, type Payee } from '../views.ts';
import { isUnverifiedChange } from './payeeAddresses.tsx';

const SHOWN = 3;

export function Payees() {
  const me = useMe();
  const answer = useAsk<{ payees: Payee[] }>('/v1/payees');
  return (
    <Page
      title="Payees"
      aside={can(me, 'admin') && <Opens label="Add a payee">{(close) => <CreatePayee onClose={close} />}</Opens>}
    >
      <AsyncContent answer={answer}>
        {({ payees }) => (
          <DataTable
            label="Payees"
            rows={payees}
            keyOf={({ id }) => id}
            empty="There are no payees yet."
            columns={[
              { title: 'Name', cell: ({ id, name }) => <Link href={`/payees/${id}`}>{inert(name)}</Link> },
              { title: 'Status', cell: ({ status }) => <StatusBadge state={status} /> },
              { title: 'Kind', cell: ({ kind }) => kind },
              { title: 'Categories', cell: ({ categories }) => inert(categories.join(', ')) || 'none' },
              { title: 'Hosts', cell: ({ hosts }) => inert(hosts.join(', ')) || 'none' },
              { title: 'Addresses', cell: ({ addresses }) => <Addresses addresses={addresses} /> },
            ]}
          />
        )}
      </AsyncContent>
    </Page>
  );
}

function Addresses({ addresses }: Pick<Payee, 'addresses'>) {
  const current = addresses.filter((each) => each.retired_at === null);
  if (current.length === 0) return 'none';
  const list = current.map((each) => (
    <div key={each.address}>
      <Mono>{each.address}</Mono>{' '}
      {isUnverifiedChange(each)
        ? '(changed, not verified)'
        : each.verified_at === null
          ? '(not verified)'
          : '(verified)'}
    </div>
  ));
  if (list.length <= SHOWN) return list;
  return (
    <details>
      <summary>{list.length} addresses</summary>
      {list}
    </details>
  );
}

const kinds = ['merchant', 'contractor', 'agent', 'internal'];

function CreatePayee({ onClose }: { onClose: () => void }) {
  const { agents } = useNames();
  const [form, setForm] = useState({ name: '', kind: 'merchant', agent: '', categories: '', hosts: '', address: '' });
  const [isVerified, setVerified] = useState(false);
  const set = (name: keyof typeof form) => (event: { currentTarget: { value: string } }) =>
    setForm({ ...form, [name]: event.currentTarget.value });
  const create = async (confirmed: Confirmed): Promise<void> => {
    const { name, kind, agent, address } = form;
    const made = await ask<Payee>('/v1/payees', {
      ...confirmed,
      name,
      kind,
      categories: wordsOf(form.categories),
      hosts: wordsOf(form.hosts),
      ...(kind === 'agent' && agent ? { agent } : {}),
      ...(address ? { address, verified: isVerified } : {}),
    });
    go(`/payees/${made.id}`);
  };
  const wrong = form.name.trim() === '' ? 'Give it a name.' : form.address === '' ? null : addressProblem(form.address);
  return (
    <FormDialog title="A new payee" submit="Create the payee" onClose={onClose} wrong={wrong} onSubmit={create}>
      <NameInput value={form.name} onChange={(name) => setForm({ ...form, name })} />
      <NativeSelect label="Kind" data={kinds} value={form.kind} onChange={set('kind')} />
      {form.kind === 'agent' && (
        <NativeSelect
          label="Agent of this Bursar"
          description="The wallet of this agent becomes the payee's address."
          data={[{ value: '', label: 'none' }, ...agents.map(({ id, name }) => ({ value: id, label: inert(name) }))]}
          value={form.agent}
          onChange={set('agent')}
        />
      )}
      <TextInput
        label="Categories"
        description="Lower-case words; payments to this payee count in the first category."
        value={form.categories}
        onChange={set('categories')}
      />
      <TextInput
        label="Hosts"
        description="Host names whose HTTP 402 offers belong to this payee, for example api.example."
        value={form.hosts}
        onChange={set('hosts')}
      />
      <AddressInput
        label="Address"
        description="The payee receives USDC at this address."
        value={form.address}
        onChange={(address) => setForm({ ...form, address })}
      />
      {form.address !== '' && (
        <Checkbox
          label="I have checked this address with the payee through a second channel"
          checked={isVerified}
          onChange={(event) => setVerified(event.currentTarget.checked)}
        />
      )}
    </FormDialog>
  );
}
