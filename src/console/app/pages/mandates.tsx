import { Alert, Button, Group } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Empty } from '../components/empty.tsx';
import { Link } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { announce, useKeptFocus } from '../focus.ts';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { can, useMe } from '../session.tsx';
import { signAs } from '../signer.ts';
import { mandateDifferences } from '../signing.ts';
import { useAsk } from '../useAsk.ts';
import { inert, type Mandate } from '../views.ts';
import { walletProblem } from '../wallet.ts';

/** All mandates, those that wait first; `/mandates/<id>` shows one. */
export function Mandates({ only }: { only?: string }) {
  const answer = useAsk<{ mandates: Mandate[] }>(only ? null : '/v1/mandates');
  const one = useAsk<{ mandate: Mandate }>(only ? `/v1/mandates/${only}` : null);
  if (only) {
    return (
      <Page title="Mandate" aside={<Link href="/mandates">All mandates</Link>}>
        <AsyncContent answer={one}>
          {({ mandate }) => <OneMandate mandate={mandate} reload={one.reload} />}
        </AsyncContent>
      </Page>
    );
  }
  return (
    <Page title="Mandates">
      <AsyncContent answer={answer}>
        {({ mandates }) =>
          mandates.length === 0 ? (
            <Empty>No agent has asked for a mandate.</Empty>
          ) : (
            [...mandates]
              .sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? 1 : -1))
              .map((mandate) => <OneMandate key={mandate.id} mandate={mandate} reload={answer.reload} />)
          )
        }
      </AsyncContent>
    </Page>
  );
}

function OneMandate({ mandate, reload }: { mandate: Mandate; reload: () => void }) {
  const me = useMe();
  const { nameOf } = useNames();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const attempt = async (done: string, job: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      await job();
      announce(done);
      reload();
    } catch (error) {
      setFailure(walletProblem(error));
    } finally {
      setBusy(false);
    }
  };
  const sign = async (): Promise<void> => {
    const { typed_data: typedData } = await ask<{ typed_data: unknown }>(`/v1/mandates/${mandate.id}`);
    const wrong = mandateDifferences(typedData, mandate, me.chain.id);
    if (wrong.length > 0) {
      throw new Error(`What you would sign is not what this page shows (${wrong.join(', ')}). Do not sign it.`);
    }
    const { address, signature } = await signAs(me, typedData, `bursar mandate sign ${mandate.id}`);
    await ask(`/v1/mandates/${mandate.id}/sign`, { approver: address, signature });
  };
  const end = () => ask(`/v1/mandates/${mandate.id}/end`, {});
  const whom = [
    ...mandate.payees.map(nameOf),
    ...mandate.categories.map((category) => `any payee in the category ${category}`),
    ...mandate.hosts.map((host) => `the seller ${inert(host)}`),
  ].join(', ');
  const isOpen = mandate.status === 'requested' || mandate.status === 'active';
  return (
    <Card title={`${nameOf(mandate.agent)}: ${inert(mandate.reason)}`}>
      <DescriptionList
        facts={[
          ['Status', <StatusBadge key="status" state={mandate.status} />],
          [
            'Worst case',
            <span key="worst">
              <strong>{usdc(mandate.worst_case)}</strong> can be paid under this mandate without further approval
            </span>,
          ],
          ['Recipients', whom || 'any payee'],
          ['Per payment', `at most ${usdc(mandate.per_payment)}`],
          ['In total', `at most ${usdc(mandate.total)}${mandate.count === null ? '' : `, ${mandate.count} times`}`],
          ['Frequency', mandate.cadence ? cadence(mandate.cadence) : 'no fixed schedule'],
          ['From', <Timestamp key="from" at={mandate.not_before} />],
          ['Until', <Timestamp key="until" at={mandate.expires_at} />],
          ['Used', `${usdc(mandate.used.total)} in ${mandate.used.count} payments`],
          ['Signed by', mandate.signers.map(({ name }) => inert(name)).join(', ') || 'nobody'],
          [
            'Id',
            <Link key="id" href={`/mandates/${mandate.id}`}>
              {mandate.id}
            </Link>,
          ],
        ]}
      />
      {failure && (
        <Alert mt="sm" color="red" variant="outline" role="alert" title="Not done">
          {inert(failure)}
        </Alert>
      )}
      {isOpen && can(me, 'approve') && (
        <Group mt="md">
          {mandate.status === 'requested' && (
            <Press isBusy={isBusy} onPress={() => attempt('The mandate is signed.', sign)}>
              Sign
            </Press>
          )}
          <Press isBusy={isBusy} isOther onPress={() => attempt('The mandate has ended.', end)}>
            {mandate.status === 'requested' ? 'Decline' : 'Revoke'}
          </Press>
        </Group>
      )}
    </Card>
  );
}

/** It opens and closes by itself, so its focus is handled when it closes. */
function Press(props: { isBusy: boolean; isOther?: boolean; onPress: () => void; children: string }) {
  const { isBusy, isOther = false, onPress, children } = props;
  const button = useKeptFocus(isBusy);
  return (
    <Button ref={button} variant={isOther ? 'default' : 'filled'} loading={isBusy} onClick={onPress}>
      {children}
    </Button>
  );
}

const order = ['requested', 'active'];
const rank = ({ status }: Mandate): number => (order.includes(status) ? order.indexOf(status) : order.length);

const units: Record<string, string> = { DAILY: 'day', WEEKLY: 'week', MONTHLY: 'month', YEARLY: 'year' };

/** The rule in words if it is a simple one, and in the signed form in any case. */
function cadence({ rrule, zone }: { rrule: string; zone: string }): string {
  const unit = units[/FREQ=(\w+)/.exec(rrule)?.[1] ?? ''];
  const every = Number(/INTERVAL=(\d+)/.exec(rrule)?.[1] ?? 1);
  const words = unit ? `at most once every ${every === 1 ? unit : `${every} ${unit}s`}, ` : '';
  return `${words}${inert(rrule)} (${inert(zone)})`;
}
