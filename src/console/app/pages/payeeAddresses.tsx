import { Alert, Checkbox, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { addressProblem } from '../addressText.ts';
import { ask } from '../api.ts';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { Mono } from '../components/mono.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { Act, AddressInput, FormDialog, Opens, Refused, useSending } from '../forms.tsx';
import { can, useMe } from '../session.tsx';
import type { Payee, PayeeAddress } from '../views.ts';

/** It replaced another address and has not been verified since. */
export const isUnverifiedChange = ({ changed_at: changed, verified_at: verified, retired_at: retired }: PayeeAddress) =>
  retired === null && changed !== null && (verified === null || verified < changed);

function Standing({ of: each }: { of: PayeeAddress }) {
  if (each.retired_at !== null) return <StatusBadge state="retired" />;
  if (!isUnverifiedChange(each)) return <StatusBadge state={each.verified_at === null ? 'not_verified' : 'verified'} />;
  return (
    <span className="state" data-tone="wait">
      changed, not verified
    </span>
  );
}

/** The addresses of a payee: when each was added, verified or replaced. */
export function PayeeAddresses({ payee, reload }: { payee: Payee; reload: () => void }) {
  const me = useMe();
  const sending = useSending();
  const mayChange = can(me, 'admin');
  const paid = payee.addresses.filter(({ retired_at: at }) => at === null).at(-1)?.address;
  const changed = payee.addresses.filter(isUnverifiedChange);
  return (
    <Card title="Addresses">
      {changed.length > 0 && (
        <Alert color="orange" variant="outline" title="The destination has changed" mb="sm">
          Nobody has verified the new address. Confirm it with the payee through a second channel (payment fraud often
          starts with a changed address). Until it is verified, the policy treats the destination as changed.
        </Alert>
      )}
      <Refused problem={sending.problem} />
      <DataTable
        label="Addresses"
        rows={[...payee.addresses].reverse()}
        keyOf={({ address }) => address}
        empty="This payee has no address and cannot be paid."
        columns={[
          {
            title: 'Address',
            cell: ({ address }) => (
              <>
                <Mono>{address}</Mono> {address === paid && '(paid here)'}
              </>
            ),
          },
          { title: 'Status', cell: (each) => <Standing of={each} /> },
          { title: 'History', cell: (each) => <History of={each} /> },
          ...(mayChange
            ? [
                {
                  title: 'Actions',
                  cell: (each: PayeeAddress) =>
                    each.retired_at !== null ? (
                      'none'
                    ) : (
                      <span className="acts">
                        {(each.verified_at === null || isUnverifiedChange(each)) && (
                          <Act
                            label="Verify"
                            name={`Verify ${each.address}`}
                            ask="Have you checked this address with the payee through a second channel?"
                            sending={sending}
                            job={() => ask(`/v1/payees/${payee.id}/verify`, { address: each.address })}
                            then={reload}
                          />
                        )}
                        <Act
                          label="Retire"
                          name={`Retire ${each.address}`}
                          ask="Stop all payments to this address?"
                          sending={sending}
                          job={() => ask(`/v1/payees/${payee.id}/retire`, { address: each.address })}
                          then={reload}
                        />
                      </span>
                    ),
                },
              ]
            : []),
        ]}
      />
      {mayChange && (
        <div style={{ marginTop: '0.75rem' }}>
          <Opens label="Add an address">
            {(close) => <AddAddress payee={payee} reload={reload} onClose={close} />}
          </Opens>
        </div>
      )}
    </Card>
  );
}

function History({ of: each }: { of: PayeeAddress }) {
  const steps = [
    ['first seen', each.first_seen_at],
    ['changed to this', each.changed_at],
    ['verified', each.verified_at],
    ['retired', each.retired_at],
  ] as const;
  return steps
    .filter(([, at]) => at !== null)
    .map(([what, at]) => (
      <div key={what}>
        {what} <Timestamp at={at} />
      </div>
    ));
}

function AddAddress({ payee, reload, onClose }: { payee: Payee; reload: () => void; onClose: () => void }) {
  const [address, setAddress] = useState('');
  const [how, setHow] = useState('replaces');
  const [isVerified, setVerified] = useState(false);
  const add = async (): Promise<void> => {
    await ask(`/v1/payees/${payee.id}/addresses`, { address, verified: isVerified, replaces: how === 'replaces' });
    reload();
  };
  return (
    <FormDialog
      title="A new address"
      submit="Add the address"
      onClose={onClose}
      wrong={addressProblem(address)}
      onSubmit={add}
    >
      <AddressInput label="Address" required value={address} onChange={setAddress} />
      <NativeSelect
        label="Previous addresses"
        data={[
          { value: 'replaces', label: 'Replace them: they are retired' },
          { value: 'beside', label: 'Keep them: this is an additional address' },
        ]}
        value={how}
        onChange={(event) => setHow(event.currentTarget.value)}
      />
      <Checkbox
        label="I have checked this address with the payee through a second channel"
        checked={isVerified}
        onChange={(event) => setVerified(event.currentTarget.checked)}
      />
    </FormDialog>
  );
}
