import { Group, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Link } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { usdc } from '../format.ts';
import { Act, FormDialog, Opens, Refused, useSending, wordsOf } from '../forms.tsx';
import { useNames } from '../names.tsx';
import { can, useMe } from '../session.tsx';
import { useAsk } from '../useAsk.ts';
import { inert, type Mandate, type Payee, type Payment } from '../views.ts';
import { PayeeAddresses } from './payeeAddresses.tsx';
import { PaymentRows } from './payments.tsx';

/** Everything about one payee: its addresses, its payments, and the mandates for it. */
export function PayeePage({ id }: { id: string }) {
  const answer = useAsk<Payee>(`/v1/payees/${id}`);
  const payments = useAsk<{ payments: Payment[] }>(answer.data && `/v1/payments?payee=${answer.data.id}&limit=10`);
  const mandates = useAsk<{ mandates: Mandate[] }>('/v1/mandates', 'roster');
  return (
    <Page title={answer.data ? inert(answer.data.name) : 'Payee'}>
      <AsyncContent answer={answer}>
        {(payee) => (
          <>
            <Standing payee={payee} reload={answer.reload} />
            <PayeeAddresses payee={payee} reload={answer.reload} />
            <Card title="Latest payments">
              <AsyncContent answer={payments}>
                {(data) => <PaymentRows payments={data.payments} empty="There are no payments to this payee yet." />}
              </AsyncContent>
              <Text mt="sm">
                <Link href={`/payments?payee=${payee.id}`}>All payments to this payee</Link>
              </Text>
            </Card>
            <Card title="Mandates">
              <AsyncContent answer={mandates}>
                {(data) => <MandateRows mandates={data.mandates.filter((mandate) => covers(mandate, payee))} />}
              </AsyncContent>
            </Card>
          </>
        )}
      </AsyncContent>
    </Page>
  );
}

/** By name, or by one of its categories or hosts. */
const covers = (mandate: Mandate, payee: Payee): boolean =>
  mandate.payees.includes(payee.id) ||
  mandate.categories.some((each) => payee.categories.includes(each)) ||
  mandate.hosts.some((each) => payee.hosts.includes(each));

function MandateRows({ mandates }: { mandates: Mandate[] }) {
  const { nameOf } = useNames();
  return (
    <DataTable
      label="Mandates"
      rows={mandates}
      keyOf={({ id }) => id}
      empty="No mandate covers this payee."
      columns={[
        { title: 'Agent', cell: ({ agent }) => nameOf(agent) },
        { title: 'Status', cell: ({ status }) => <StatusBadge state={status} /> },
        { title: 'Per payment', cell: (mandate) => `at most ${usdc(mandate.per_payment)}` },
        { title: 'Used', cell: ({ used, total }) => `${usdc(used.total)} of ${usdc(total)}` },
        { title: 'Until', cell: ({ expires_at: at }) => <Timestamp at={at} /> },
        { title: 'Reason', cell: ({ reason }) => <Link href="/mandates">{inert(reason)}</Link> },
      ]}
    />
  );
}

function Standing({ payee, reload }: { payee: Payee; reload: () => void }) {
  const me = useMe();
  const { nameOf } = useNames();
  const sending = useSending();
  const isBlocked = payee.status === 'blocked';
  return (
    <Card title="Details">
      <DescriptionList
        facts={[
          ['Status', <StatusBadge key="status" state={payee.status} />],
          ['Kind', payee.kind],
          [
            'Agent',
            payee.agent ? (
              <Link key="agent" href={`/agents/${payee.agent}`}>
                {nameOf(payee.agent)}
              </Link>
            ) : (
              'not an agent of this Bursar'
            ),
          ],
          ['Categories', inert(payee.categories.join(', ')) || 'none'],
          ['Hosts', inert(payee.hosts.join(', ')) || 'none'],
          ['First seen', <Timestamp key="first" at={payee.first_seen_at} />],
        ]}
      />
      <Refused problem={sending.problem} />
      {can(me, 'admin') && (
        <Group mt="sm">
          <Act
            label={isBlocked ? 'Unblock' : 'Block'}
            name={`${isBlocked ? 'Unblock' : 'Block'} ${inert(payee.name)}`}
            sending={sending}
            job={() => ask(`/v1/payees/${payee.id}`, { status: isBlocked ? 'active' : 'blocked' })}
            then={reload}
          />
          <Opens label="Change categories and hosts" small>
            {(close) => <Change payee={payee} reload={reload} onClose={close} />}
          </Opens>
        </Group>
      )}
    </Card>
  );
}

function Change({ payee, reload, onClose }: { payee: Payee; reload: () => void; onClose: () => void }) {
  const [categories, setCategories] = useState(payee.categories.join(', '));
  const [hosts, setHosts] = useState(payee.hosts.join(', '));
  const change = async (): Promise<void> => {
    await ask(`/v1/payees/${payee.id}`, { categories: wordsOf(categories), hosts: wordsOf(hosts) });
    reload();
  };
  return (
    <FormDialog title="Categories and hosts" submit="Save" onClose={onClose} onSubmit={change}>
      <TextInput
        label="Categories"
        description="Lower-case words; payments to this payee count in the first category."
        value={categories}
        onChange={(event) => setCategories(event.currentTarget.value)}
      />
      <TextInput
        label="Hosts"
        description="Host names whose HTTP 402 offers belong to this payee, for example api.example."
        value={hosts}
        onChange={(event) => setHosts(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
