import { Alert, Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { getAddress } from 'viem';
import { ask } from '../api.ts';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Box, Empty, Facts, Loaded, Mono, Page, To, usdc, When } from '../parts.tsx';
import { can, useMe } from '../session.tsx';
import { differences } from '../signing.ts';
import { inert, type Payment } from '../views.ts';
import { connect, signTyped, walletProblem, wallets } from '../wallet.ts';

type Review = { payment: Payment; approve: unknown; reject: unknown };

export function Reviews({ only }: { only?: string }) {
  const waiting = useAsk<{ payments: Payment[] }>(only ? null : '/v1/payments?state=in_review&limit=200');
  if (only) {
    return (
      <Page title="Review">
        <OneReview id={only} />
        <To href="/reviews">All reviews</To>
      </Page>
    );
  }
  return (
    <Page title="Reviews">
      <Loaded answer={waiting}>
        {({ payments }) =>
          payments.length === 0 ? (
            <Empty>Nothing waits for people.</Empty>
          ) : (
            payments.map(({ id }) => <OneReview key={id} id={id} />)
          )
        }
      </Loaded>
    </Page>
  );
}

function OneReview({ id }: { id: string }) {
  const me = useMe();
  const mayAnswer = can(me, 'approve');
  const { agents, nameOf } = useNames();
  const payment = useAsk<Payment>(`/v1/payments/${id}`);
  const isOpen = payment.data?.state === 'in_review';
  const review = useAsk<Review>(mayAnswer && isOpen ? `/v1/reviews/${id}` : null);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  const answer = async (shown: Payment, verdict: 'approve' | 'reject'): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      const wallet = agents.find((agent) => agent.id === shown.agent)?.wallet?.address ?? '';
      // What was loaded with what is shown: it is checked, and exactly it is signed.
      const typedData = review.data?.[verdict];
      const wrong = differences(verdict, typedData, { payment: shown, wallet, chain: me.chain });
      if (wrong.length > 0) {
        throw new Error(`What you would sign is not what this page shows (${wrong.join(', ')}). Do not sign it.`);
      }
      const provider = wallets()[0]?.provider;
      if (!provider) throw new Error(`There is no wallet in this browser. Or run: bursar approve ${id}`);
      const address = getAddress(await connect(provider));
      if (address !== me.approver.address) throw new Error(`Choose ${me.approver.address} in your wallet.`);
      const signature = await signTyped(provider, address, typedData, me.chain.id);
      await ask(`/v1/reviews/${id}`, { verdict, approver: address, signature });
      payment.reload();
    } catch (error) {
      setFailure(walletProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Loaded answer={payment}>
      {(shown) => (
        <Box title={`${usdc(shown.amount)} to ${shown.payee ? nameOf(shown.payee) : 'an unknown address'}`}>
          <Facts
            facts={[
              ['Payee address', <Mono key="to">{shown.address}</Mono>],
              ['Amount', usdc(shown.amount)],
              ['Agent', nameOf(shown.agent)],
              ['Memo', inert(shown.memo ?? 'none')],
              ['Why it waits', shown.reasons.map(({ message }) => message).join(' ')],
              [
                'Needs',
                shown.review
                  ? `${shown.review.quorum} of ${shown.review.roles.join(' or ')}; so far ${shown.review.approvals.length}`
                  : 'nobody',
              ],
              ['Until', <When key="until" at={shown.review?.expires_at ?? null} />],
              ['Chain', String(me.chain.id)],
              ['Decision', <Mono key="decision">{shown.decision_hash}</Mono>],
              [
                'Payment',
                <To key="id" href={`/payments/${id}`}>
                  {id}
                </To>,
              ],
            ]}
          />
          {failure && (
            <Alert mt="sm" color="red" variant="outline" role="alert" title="Not answered">
              {failure}
            </Alert>
          )}
          {!isOpen && (
            <Text mt="sm" role="status">
              Answered: {shown.state.replaceAll('_', ' ')}.
            </Text>
          )}
          {isOpen && mayAnswer && (
            <Group mt="md">
              <Button loading={isBusy} disabled={!review.data} onClick={() => answer(shown, 'approve')}>
                Approve
              </Button>
              <Button
                variant="default"
                loading={isBusy}
                disabled={!review.data}
                onClick={() => answer(shown, 'reject')}
              >
                Reject
              </Button>
            </Group>
          )}
          {isOpen && !mayAnswer && <Text mt="sm">Your role reads; it does not answer reviews.</Text>}
        </Box>
      )}
    </Loaded>
  );
}
