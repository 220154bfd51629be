import { Alert, Button, Group } from '@mantine/core';
import { useState } from 'react';
import { getAddress } from 'viem';
import { ask } from '../api.ts';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Box, Empty, Facts, Loaded, Page, State, usdc, When } from '../parts.tsx';
import { can, useMe } from '../session.tsx';
import { mandateDifferences } from '../signing.ts';
import { inert, type Mandate } from '../views.ts';
import { connect, signTyped, walletProblem, wallets } from '../wallet.ts';

export function Mandates() {
  const answer = useAsk<{ mandates: Mandate[] }>('/v1/mandates');
  return (
    <Page title="Mandates">
      <Loaded answer={answer}>
        {({ mandates }) =>
          mandates.length === 0 ? (
            <Empty>No agent has asked for a mandate.</Empty>
          ) : (
            mandates.map((mandate) => <OneMandate key={mandate.id} mandate={mandate} reload={answer.reload} />)
          )
        }
      </Loaded>
    </Page>
  );
}

function OneMandate({ mandate, reload }: { mandate: Mandate; reload: () => void }) {
  const me = useMe();
  const { nameOf } = useNames();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const attempt = async (job: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      await job();
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
    const provider = wallets()[0]?.provider;
    if (!provider) throw new Error(`There is no wallet in this browser. Or run: bursar mandate sign ${mandate.id}`);
    const address = getAddress(await connect(provider));
    const signature = await signTyped(provider, address, typedData, me.chain.id);
    await ask(`/v1/mandates/${mandate.id}/sign`, { approver: address, signature });
  };
  const whom = [...mandate.payees.map(nameOf), ...mandate.categories, ...mandate.hosts].join(', ');
  const isOpen = mandate.status === 'requested' || mandate.status === 'active';
  return (
    <Box title={`${nameOf(mandate.agent)}: ${inert(mandate.reason)}`}>
      <Facts
        facts={[
          ['Status', <State key="status" state={mandate.status} />],
          ['Worst case', <strong key="worst">{usdc(mandate.worst_case)}</strong>],
          ['For', whom || 'anybody'],
          ['Per payment', `at most ${usdc(mandate.per_payment)}`],
          ['In all', `at most ${usdc(mandate.total)}${mandate.count === null ? '' : `, ${mandate.count} times`}`],
          ['Cadence', mandate.cadence ? `${mandate.cadence.rrule} (${mandate.cadence.zone})` : 'whenever'],
          ['From', <When key="from" at={mandate.not_before} />],
          ['Until', <When key="until" at={mandate.expires_at} />],
          ['Used', `${usdc(mandate.used.total)} in ${mandate.used.count} payments`],
          ['Signed by', mandate.signers.map(({ name }) => name).join(', ') || 'nobody'],
        ]}
      />
      {failure && (
        <Alert mt="sm" color="red" variant="outline" role="alert" title="Not done">
          {failure}
        </Alert>
      )}
      {isOpen && can(me, 'approve') && (
        <Group mt="md">
          {mandate.status === 'requested' && (
            <Button loading={isBusy} onClick={() => attempt(sign)}>
              Sign
            </Button>
          )}
          <Button
            variant="default"
            loading={isBusy}
            onClick={() => attempt(() => ask(`/v1/mandates/${mandate.id}/end`, {}))}
          >
            {mandate.status === 'requested' ? 'Decline' : 'Revoke'}
          </Button>
        </Group>
      )}
    </Box>
  );
}
