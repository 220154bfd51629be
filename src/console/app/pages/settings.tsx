import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../api.ts';
import { useAsk } from '../live.tsx';
import { Box, Facts, Loaded, Mono, Page, Rows, State, When } from '../parts.tsx';
import { can, useMe } from '../session.tsx';

type Key = {
  id: string;
  role: string;
  name: string;
  scopes: string[];
  expires_at: string | null;
  revoked_at: string | null;
};
type Approver = { id: string; name: string; address: string; roles: string[]; status: string };

export function Settings() {
  const me = useMe();
  const approvers = useAsk<{ approvers: Approver[] }>('/v1/approvers');
  return (
    <Page title="Settings">
      <Box title="You">
        <Facts
          facts={[
            ['Name', me.approver.name],
            ['Address', <Mono key="address">{me.approver.address}</Mono>],
            ['Roles', me.approver.roles.join(', ')],
            ['In the console', `${me.role}: ${me.scopes.join(', ')}`],
            ['Signed in until', <When key="until" at={me.expires_at} />],
          ]}
        />
      </Box>
      <Box title="This server">
        <Facts
          facts={[
            ['Bursar', me.version],
            ['Chain', me.chain.network],
            ['USDC', <Mono key="usdc">{me.chain.usdc}</Mono>],
          ]}
        />
      </Box>
      <Box title="Approvers">
        <Loaded answer={approvers}>
          {(data) => (
            <Rows
              label="Approvers"
              rows={data.approvers}
              keyOf={({ id }) => id}
              empty="There are no approvers."
              columns={[
                { title: 'Name', cell: ({ name }) => name },
                { title: 'Address', cell: ({ address }) => <Mono>{address}</Mono> },
                { title: 'Roles', cell: ({ roles }) => roles.join(', ') },
                { title: 'Status', cell: ({ status }) => <State state={status} /> },
              ]}
            />
          )}
        </Loaded>
      </Box>
      <Box title="API keys">{can(me, 'admin') ? <Keys /> : <Text>Operators see the keys here.</Text>}</Box>
    </Page>
  );
}

function Keys() {
  const answer = useAsk<{ keys: Key[] }>('/v1/keys');
  const [failure, setFailure] = useState<string | null>(null);
  const revoke = async (key: Key): Promise<void> => {
    if (!confirm(`End the key ${key.name} at once?`)) return;
    setFailure(null);
    try {
      await ask(`/v1/keys/${key.id}/revoke`, {});
      answer.reload();
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Loaded answer={answer}>
      {({ keys }) => (
        <>
          {failure && <Text role="alert">{failure}</Text>}
          <Rows
            label="API keys"
            rows={keys}
            keyOf={({ id }) => id}
            empty="There are no keys."
            columns={[
              { title: 'Name', cell: ({ name }) => name },
              { title: 'Role', cell: ({ role }) => role },
              { title: 'Scopes', cell: ({ scopes }) => scopes.join(', ') },
              { title: 'State', cell: (key) => <State state={key.revoked_at === null ? 'active' : 'revoked'} /> },
              { title: 'Expires', cell: ({ expires_at: at }) => <When at={at} /> },
              {
                title: 'End',
                cell: (key) =>
                  key.revoked_at === null ? (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Revoke ${key.name}`}
                      onClick={() => revoke(key)}
                    >
                      Revoke
                    </Button>
                  ) : (
                    <When at={key.revoked_at} />
                  ),
              },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}
