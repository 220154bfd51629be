import { Text } from '@mantine/core';
import { ask } from '../../api.ts';
import { Act, Refused, useSending } from '../../forms.tsx';
import { useAsk } from '../../live.tsx';
import { Loaded, Rows, State, When } from '../../parts.tsx';
import { can, useMe } from '../../session.tsx';
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

/** Who has come by the identity provider (OIDC). They are added by signing in; here they are kept out. */
export function People() {
  const me = useMe();
  const sending = useSending();
  const answer = useAsk<{ people: Person[] }>('/v1/people');
  return (
    <>
      <Text size="sm" mb="sm">
        Groups at the identity provider say what they may; an approver's e-mail address says who they are.
      </Text>
      <Refused problem={sending.problem} />
      <Loaded answer={answer}>
        {({ people }) => (
          <Rows
            label="People"
            rows={people}
            keyOf={({ id }) => id}
            empty="Nobody has signed in by an identity provider."
            columns={[
              { title: 'Name', cell: ({ name }) => inert(name) },
              { title: 'E-mail', cell: ({ email }) => inert(email ?? 'none') },
              { title: 'By groups', cell: ({ role }) => role ?? 'nothing' },
              { title: 'Status', cell: ({ status }) => <State state={status} /> },
              { title: 'Signed in', cell: ({ signed_in_at: at }) => <When at={at} /> },
              { title: 'By', cell: ({ issuer }) => inert(issuer) },
              ...(can(me, 'admin')
                ? [
                    {
                      title: 'Acts',
                      cell: ({ id, name, status }: Person) => {
                        const isOut = status === 'blocked';
                        return (
                          <Act
                            label={isOut ? 'Let in' : 'Keep out'}
                            name={`${isOut ? 'Let in' : 'Keep out'} ${inert(name)}`}
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
      </Loaded>
    </>
  );
}
