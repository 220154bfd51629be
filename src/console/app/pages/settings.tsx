import { Box, Facts, Mono, Page, When } from '../parts.tsx';
import { useMe } from '../session.tsx';
import { inert } from '../views.ts';
import { Approvers } from './settings/approvers.tsx';
import { Keys } from './settings/keys.tsx';
import { People } from './settings/people.tsx';
import { Sponsors } from './settings/sponsors.tsx';
import { Workflows } from './settings/workflows.tsx';

export function Settings() {
  const me = useMe();
  return (
    <Page title="Settings">
      <Box title="You">
        <Facts
          facts={[
            ['Name', inert(me.name)],
            ['E-mail', inert(me.email ?? 'none')],
            ['Signed in with', me.via === 'oidc' ? 'the identity provider' : 'Ethereum'],
            ['Address', me.approver ? <Mono key="address">{me.approver.address}</Mono> : 'none: approves nothing'],
            ['Roles', inert(me.approver?.roles.join(', ') ?? 'by groups')],
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
        <Approvers />
      </Box>
      <Box title="People by identity provider">
        <People />
      </Box>
      <Box title="Sponsors">
        <Sponsors />
      </Box>
      <Box title="Workflows">
        <Workflows />
      </Box>
      <Box title="API keys">
        <Keys />
      </Box>
    </Page>
  );
}
