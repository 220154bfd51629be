import { NativeSelect, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { addressProblem } from '../../addressText.ts';
import { ask } from '../../api.ts';
import { AsyncContent } from '../../components/asyncContent.tsx';
import { DataTable } from '../../components/dataTable.tsx';
import { Link } from '../../components/link.tsx';
import { Mono } from '../../components/mono.tsx';
import { StatusBadge } from '../../components/statusBadge.tsx';
import {
  Act,
  AddressInput,
  type Confirmed,
  FormDialog,
  NameInput,
  Opens,
  Refused,
  useSending,
  wordsOf,
} from '../../forms.tsx';
import { useNames } from '../../names.tsx';
import { can, useMe } from '../../session.tsx';
import { useAsk } from '../../useAsk.ts';
import { inert } from '../../views.ts';
import { useSponsors } from './sponsors.tsx';

type Approver = {
  id: string;
  name: string;
  address: string;
  roles: string[];
  sponsor: string | null;
  email: string | null;
  status: string;
};

const ROLES =
  'operator, auditor and viewer set the rights in this console; any other role, for example finance, is for reviews.';

/** People who may answer reviews and sign in here; and which wallets take their signature on chain. */
export function Approvers() {
  const me = useMe();
  const { nameOf } = useNames();
  const sending = useSending();
  const answer = useAsk<{ approvers: Approver[] }>('/v1/approvers');
  const { reload } = answer;
  const remove = (each: Approver): string =>
    each.id === me.approver?.id
      ? 'This is your own account: you will be signed out at once. Remove it?'
      : `Remove ${inert(each.name)}? Their signatures on payments that are not executed yet no longer count. The address cannot be used for a new approver.`;
  return (
    <>
      <Text size="sm" mb="sm">
        Approvers can sign in and answer reviews. This list does not change any wallet: for payments above its ceilings,
        a wallet contract accepts only the approvers in its own list, which its owner changes on the agent's page. New
        wallets start with the approvers in the server's configuration.
      </Text>
      <Refused problem={sending.problem} />
      <AsyncContent answer={answer}>
        {({ approvers }) => (
          <DataTable
            label="Approvers"
            rows={approvers}
            keyOf={({ id }) => id}
            empty="There are no approvers."
            columns={[
              { title: 'Name', cell: ({ name }) => inert(name) },
              { title: 'Address', cell: ({ address }) => <Mono>{address}</Mono> },
              { title: 'Roles', cell: ({ roles }) => inert(roles.join(', ')) },
              { title: 'Sponsor', cell: ({ sponsor }) => nameOf(sponsor) },
              { title: 'E-mail', cell: ({ email }) => inert(email ?? 'none') },
              { title: 'Status', cell: ({ status }) => <StatusBadge state={status} /> },
              { title: 'In the wallet lists of', cell: ({ address }) => <ListedBy address={address} /> },
              ...(can(me, 'admin')
                ? [
                    {
                      title: 'Actions',
                      cell: (each: Approver) =>
                        each.status !== 'active' ? (
                          'none'
                        ) : (
                          <span className="acts">
                            <Opens label="Change" name={`Change ${inert(each.name)}`} small>
                              {(close) => <ChangeApprover approver={each} reload={reload} onClose={close} />}
                            </Opens>
                            <Act
                              label="Remove"
                              name={`Remove ${inert(each.name)}`}
                              ask={remove(each)}
                              sending={sending}
                              job={() => ask(`/v1/approvers/${each.id}/revoke`, {})}
                              then={reload}
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
      {can(me, 'admin') && (
        <div style={{ marginTop: '0.75rem' }}>
          <Opens label="Add an approver">{(close) => <AddApprover reload={reload} onClose={close} />}</Opens>
        </div>
      )}
    </>
  );
}

function ListedBy({ address }: { address: string }) {
  const { agents } = useNames();
  const listing = agents.filter(({ wallet }) => wallet?.ceilings.approvers.includes(address));
  if (listing.length === 0) return 'none';
  return listing.map(({ id, name }) => (
    // 24 px apart, so that each link is a large enough target (WCAG 2.5.8).
    <div key={id} style={{ minHeight: '1.625rem' }}>
      <Link href={`/agents/${id}`}>{inert(name)}</Link>
    </div>
  ));
}

function AddApprover({ reload, onClose }: { reload: () => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const [address, setAddress] = useState('');
  const [roles, setRoles] = useState('finance');
  const [sponsor, setSponsor] = useState('');
  const [email, setEmail] = useState('');
  const sponsors = useSponsors();
  const add = async (confirmed: Confirmed): Promise<void> => {
    const tied = { ...(sponsor ? { sponsor } : {}), ...(email.trim() ? { email: email.trim() } : {}) };
    await ask('/v1/approvers', { ...confirmed, name, address, roles: wordsOf(roles), ...tied });
    reload();
  };
  const wrong = name.trim() === '' ? 'Give a name.' : (addressProblem(address) ?? needsRole(roles));
  return (
    <FormDialog title="A new approver" submit="Add the approver" onClose={onClose} wrong={wrong} onSubmit={add}>
      <NameInput value={name} onChange={setName} />
      <AddressInput
        label="Address"
        description="The address of the signing wallet: a person's, or a contract such as a Safe."
        required
        value={address}
        onChange={setAddress}
      />
      <TextInput
        label="Roles"
        description={ROLES}
        required
        value={roles}
        onChange={(event) => setRoles(event.currentTarget.value)}
      />
      <NativeSelect
        label="This person is the sponsor"
        data={[{ value: '', label: 'none' }, ...sponsors]}
        value={sponsor}
        onChange={(event) => setSponsor(event.currentTarget.value)}
      />
      <EmailInput value={email} onChange={setEmail} />
    </FormDialog>
  );
}

const needsRole = (roles: string): string | null =>
  wordsOf(roles).length === 0 ? 'Give at least one role. To take all rights away, remove the approver.' : null;

type Changing = { approver: Approver; reload: () => void; onClose: () => void };

function ChangeApprover({ approver, reload, onClose }: Changing) {
  const [roles, setRoles] = useState(approver.roles.join(', '));
  const [email, setEmail] = useState(approver.email ?? '');
  const change = async (): Promise<void> => {
    const path = `/v1/approvers/${approver.id}`;
    if (email.trim() !== (approver.email ?? '')) await ask(`${path}/email`, { email: email.trim() || null });
    if (wordsOf(roles).join() !== approver.roles.join()) await ask(`${path}/roles`, { roles: wordsOf(roles) });
    reload();
  };
  return (
    <FormDialog
      title={`Change ${inert(approver.name)}`}
      submit="Save"
      onClose={onClose}
      wrong={needsRole(roles)}
      onSubmit={change}
    >
      <TextInput
        label="Roles"
        description={`${ROLES} Changes apply at once, also to signatures already given.`}
        required
        value={roles}
        onChange={(event) => setRoles(event.currentTarget.value)}
      />
      <EmailInput value={email} onChange={setEmail} />
    </FormDialog>
  );
}

function EmailInput({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <TextInput
      label="E-mail"
      description="A person who signs in through the identity provider with this verified address is this approver. Approvals still need the wallet."
      type="email"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
