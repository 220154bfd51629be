import { Text } from '@mantine/core';
import { ask } from '../../api.ts';
import { AsyncContent } from '../../components/asyncContent.tsx';
import { DataTable } from '../../components/dataTable.tsx';
import { StatusBadge } from '../../components/statusBadge.tsx';
import { Timestamp } from '../../components/timestamp.tsx';
import { Act, Refused, useSending } from '../../forms.tsx';
import { can, useMe } from '../../session.tsx';
import { useAsk } from '../../useAsk.ts';
import { inert } from '../../views.ts';

type Person = {
  id: string;
  name: string;
  email: string | null;
  issuer: string;
  role: string | null;
  status: string;
  signed_in_at: string;
};

/** The people who signed in through the identity provider (OIDC). Signing in adds them; an operator can block them. */
export function People() {
  const me = useMe();
  const sending = useSending();
  const answer = useAsk<{ people: Person[] }>('/v1/people');
  return (
    <>
      <Text size="sm" mb="sm">
        Groups at the identity provider set the rights of a person; the e-mail address links the person to an approver.
      </Text>
      <Refused problem={sending.problem} />
      <AsyncContent answer={answer}>
        {({ people }) => (
          <DataTable
            label="People"
            rows={people}
            keyOf={({ id }) => id}
            empty="Nobody has signed in through an identity provider."
            columns={[
              { title: 'Name', cell: ({ name }) => inert(name) },
              { title: 'E-mail', cell: ({ email }) => inert(email ?? 'none') },
              { title: 'Role from groups', cell: ({ role }) => role ?? 'none' },
              { title: 'Status', cell: ({ status }) => <StatusBadge state={status} /> },
              { title: 'Last sign-in', cell: ({ signed_in_at: at }) => <Timestamp at={at} /> },
              { title: 'Identity provider', cell: ({ issuer }) => inert(issuer) },
              ...(can(me, 'admin')
                ? [
                    {
                      title: 'Actions',
                      cell: ({ id, name, status }: Person) => {
                        const isOut = status === 'blocked';
                        return (
                          <Act
                            label={isOut ? 'Unblock' : 'Block'}
                            name={`${isOut ? 'Unblock' : 'Block'} ${inert(name)}`}
                            sending={sending}
                            job={() => ask(`/v1/people/${id}/status`, { status: isOut ? 'active' : 'blocked' })}
                            then={answer.reload}
                          />
                        );
                      },
                    },
                  ]
                : []),
            ]}
          />
        )}
      </AsyncContent>
    </>
  );
}
