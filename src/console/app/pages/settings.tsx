import { Card } from '../components/card.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Mono } from '../components/mono.tsx';
import { Page } from '../components/page.tsx';
import { Timestamp } from '../components/timestamp.tsx';
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
      <Card title="You">
        <DescriptionList
          facts={[
            ['Name', inert(me.name)],
            ['E-mail', inert(me.email ?? 'none')],
            ['Signed in with', me.via === 'oidc' ? 'the identity provider' : 'Ethereum'],
            ['Address', me.approver ? <Mono key="address">{me.approver.address}</Mono> : 'none: approves nothing'],
            ['Roles', inert(me.approver?.roles.join(', ') ?? 'by groups')],
            ['In the console', `${me.role}: ${me.scopes.join(', ')}`],
            ['Signed in until', <Timestamp key="until" at={me.expires_at} />],
          ]}
        />
      </Card>
      <Card title="This server">
        <DescriptionList
          facts={[
            ['Bursar', me.version],
            ['Chain', me.chain.network],
            ['USDC', <Mono key="usdc">{me.chain.usdc}</Mono>],
          ]}
        />
      </Card>
      <Card title="Approvers">
        <Approvers />
      </Card>
      <Card title="People by identity provider">
        <People />
      </Card>
      <Card title="Sponsors">
        <Sponsors />
      </Card>
      <Card title="Workflows">
        <Workflows />
      </Card>
      <Card title="API keys">
        <Keys />
      </Card>
    </Page>
  );
}
