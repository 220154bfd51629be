import { Alert, Text } from '@mantine/core';
import { type ReactNode, useEffect, useMemo } from 'react';
import { periodInWords } from '../../../core/time/duration.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { DataTable } from '../components/dataTable.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Mono } from '../components/mono.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { short, usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { can, useMe } from '../session.tsx';
import { useAsk } from '../useAsk.ts';
import { type Agent, duration, inert } from '../views.ts';
import { OwnerActs } from './walletOwner.tsx';
import type { Wallet } from './walletViews.ts';

type Warning = { code: string; message: string };

const RENEW_MS = 15_000;

/** An agent's wallet as read from the chain, with its owner's actions. `warnings`: where policy and ceilings differ. */
export function WalletSection({ agent, warnings }: { agent: Agent; warnings: Warning[] }) {
  const me = useMe();
  const answer = useAsk<Wallet>(agent.wallet ? `/v1/agents/${agent.id}/wallet` : null, 'roster');
  const { reload } = answer;
  // Periods begin and raises take effect without any event.
  useEffect(() => {
    const timer = setInterval(reload, RENEW_MS);
    return () => clearInterval(timer);
  }, [reload]);
  if (!agent.wallet) return <Text>The agent has no wallet on this chain.</Text>;
  return (
    <AsyncContent answer={answer}>
      {(wallet) => (
        <>
          <Card title="Wallet on chain">
            {warnings.map(({ code, message }) => (
              <Alert key={code} color="yellow" variant="outline" mb="xs" title="Policy and ceilings differ">
                {message}
              </Alert>
            ))}
            <WalletFacts wallet={wallet} />
          </Card>
          {wallet.registry && <Registry registry={wallet.registry} />}
          {can(me, 'admin') && wallet.deployed && <OwnerActs agent={agent} wallet={wallet} reload={reload} />}
          {!wallet.deployed && (
            <Text>
              The contract is not deployed yet. The first payment deploys it with these settings; until then the owner
              has no actions.
            </Text>
          )}
        </>
      )}
    </AsyncContent>
  );
}

function WalletFacts({ wallet }: { wallet: Wallet }) {
  const { ceilings, pending_raise: raise } = wallet;
  const named = useNameAt();
  const nobody = /^0x0{40}$/;
  const who = (address: string, note = ''): ReactNode =>
    nobody.test(address) ? (
      'nobody'
    ) : (
      <>
        <Mono>{address}</Mono>
        {named(address)}
        {note}
      </>
    );
  const list = (addresses: string[], none: string): ReactNode =>
    addresses.length === 0 ? none : addresses.map((address) => <div key={address}>{who(address)}</div>);
  return (
    <DescriptionList
      facts={[
        ['Wallet', <Mono key="wallet">{wallet.wallet}</Mono>],
        ['Purse', <Mono key="purse">{wallet.purse}</Mono>],
        [
          'State',
          <StatusBadge key="state" state={wallet.frozen ? 'frozen' : wallet.deployed ? 'active' : 'pending'} />,
        ],
        ['Balance', `${usdc(wallet.balance)}, in its purse ${usdc(wallet.purse_balance)}`],
        ['Ceiling per payment', usdc(ceilings.per_payment)],
        [
          'Ceiling per period',
          `${usdc(ceilings.per_period)} in each ${periodInWords(ceilings.period_seconds)}; ${usdc(ceilings.spent_in_period)} spent in this one, ${usdc(ceilings.left_in_period)} left`,
        ],
        [
          'Pending raise',
          raise ? (
            <span key="raise">
              To {usdc(raise.per_payment)} per payment and {usdc(raise.per_period)} per period, effective from{' '}
              <Timestamp at={raise.effective_at} />. Until then the owner or the guardian can cancel it.
            </span>
          ) : (
            `none; a raise takes effect after ${duration(ceilings.raise_delay_seconds)}`
          ),
        ],
        ['Valid until', wallet.valid_until ? <Timestamp key="until" at={wallet.valid_until} /> : 'no expiry'],
        ['Owner', who(wallet.owner, wallet.owner_is_contract ? ', a contract such as a Safe' : '')],
        ...(wallet.next_owner
          ? ([['Next owner', who(wallet.next_owner, ', has not accepted yet')]] as [string, ReactNode][])
          : []),
        ['Guardian', who(wallet.guardian)],
        ['Executor', who(wallet.executor)],
        [
          'Approvers',
          <div key="approvers">
            {list(wallet.approvers, 'none: payments above a ceiling are impossible')}
            {wallet.approvers.length > 0 && `${wallet.threshold} of ${wallet.approvers.length} must sign`}
          </div>,
        ],
        [
          'Allow-list',
          <div key="list">
            {wallet.allow_list_on ? 'On: payees outside the list need the approvers. ' : 'Off. '}
            {list(wallet.allow_list, 'The list is empty.')}
          </div>,
        ],
      ]}
    />
  );
}

function Registry({ registry }: { registry: NonNullable<Wallet['registry']> }) {
  return (
    <Card title="Policy registry on chain">
      <DescriptionList
        facts={[
          ['Registry', <Mono key="at">{registry.address}</Mono>],
          ['Owner', <Mono key="owner">{registry.owner}</Mono>],
          ...(registry.next_owner
            ? ([['Next owner', <Mono key="next">{registry.next_owner}</Mono>]] as [string, ReactNode][])
            : []),
          ['Grace period of a replaced policy', duration(registry.grace_seconds)],
        ]}
      />
      <DataTable
        label="Policies in the registry"
        rows={registry.policies}
        keyOf={({ digest }) => digest}
        empty="No policy is active: wallets refuse every payment."
        columns={[
          { title: 'Policy', cell: ({ digest }) => <Mono>{short(digest)}</Mono> },
          { title: 'State', cell: ({ state }) => <StatusBadge state={state === 'current' ? 'active' : state} /> },
          { title: 'From', cell: ({ from }) => <Timestamp at={from} /> },
          { title: 'Until', cell: ({ until }) => (until ? <Timestamp at={until} /> : 'no expiry') },
        ]}
      />
    </Card>
  );
}

/** The name of the approver or payee with an address, if there is one. */
function useNameAt(): (address: string) => string {
  const approvers = useAsk<{ approvers: { name: string; address: string }[] }>('/v1/approvers', 'roster').data;
  const { payees } = useNames();
  const names = useMemo(() => {
    const all = [
      ...payees.flatMap(({ name, addresses }) => addresses.map(({ address }) => [address, name] as const)),
      ...(approvers?.approvers ?? []).map(({ name, address }) => [address, name] as const),
    ];
    return new Map(all);
  }, [approvers, payees]);
  return (address) => {
    const name = names.get(address);
    return name === undefined ? '' : ` ${inert(name)}`;
  };
}
