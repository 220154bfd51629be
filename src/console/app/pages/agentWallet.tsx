import { useAsk } from '../live.tsx';
import { Facts, Loaded, Mono, usdc, When } from '../parts.tsx';
import { duration, type Money } from '../views.ts';

type Wallet = {
  wallet: string;
  purse: string;
  deployed: boolean;
  frozen: boolean;
  valid_until: string | null;
  allow_list_on: boolean;
  threshold: number;
  approvers: string[];
  ceilings: { per_payment: Money; per_period: Money; period_seconds: number; left_in_period: Money };
  pending_raise: { per_payment: Money; per_period: Money; effective_at: string } | null;
  balance: Money;
  purse_balance: Money;
};

/** The wallet as the chain has it now: what holds even where this server is stolen. */
export function AgentWallet({ id }: { id: string }) {
  const answer = useAsk<Wallet>(`/v1/agents/${id}/wallet`);
  return (
    <Loaded answer={answer}>
      {({ ceilings, pending_raise: raise, ...wallet }) => (
        <Facts
          facts={[
            ['Wallet', <Mono key="wallet">{wallet.wallet}</Mono>],
            ['Purse', <Mono key="purse">{wallet.purse}</Mono>],
            ['Contract', wallet.deployed ? 'deployed' : 'comes with the first payment; as it will be made'],
            ['Frozen on chain', wallet.frozen ? 'yes' : 'no'],
            ['On chain it has', `${usdc(wallet.balance)}, and ${usdc(wallet.purse_balance)} in the purse`],
            ['A payment', `at most ${usdc(ceilings.per_payment)}`],
            [
              `Per ${duration(ceilings.period_seconds)}`,
              `at most ${usdc(ceilings.per_period)}, of which ${usdc(ceilings.left_in_period)} is left`,
            ],
            [
              'Raise under way',
              raise === null ? (
                'none'
              ) : (
                <span key="raise">
                  to {usdc(raise.per_payment)} and {usdc(raise.per_period)} <When at={raise.effective_at} />
                </span>
              ),
            ],
            [
              'Above that',
              wallet.approvers.length === 0
                ? 'nothing: it lists no approver'
                : `${wallet.threshold} of ${wallet.approvers.length} approvers must sign`,
            ],
            ['Payees', wallet.allow_list_on ? 'only those of its own list' : 'any: its list is off'],
            ['Valid until', wallet.valid_until === null ? 'no end' : <When key="until" at={wallet.valid_until} />],
          ]}
        />
      )}
    </Loaded>
  );
}
