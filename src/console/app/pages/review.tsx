import { Alert, Button, Group, Text, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { ask, Problem } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { Copyable } from '../components/copyable.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Link } from '../components/link.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { can, type Me, useMe } from '../session.tsx';
import { signAs } from '../signer.ts';
import { differences } from '../signing.ts';
import { useAsk } from '../useAsk.ts';
import { inert, type Payment } from '../views.ts';
import { walletProblem } from '../wallet.ts';
import { Destination, Progress, Reasons, Verdicts } from './reviewParts.tsx';

type Review = { payment: Payment; approve: unknown; reject: unknown; sponsor_may_approve: boolean };
type Verdict = 'approve' | 'reject';

/** `onSaid` receives the outcome of an answer, since a list removes an answered review. */
export function OneReview({ id, onSaid }: { id: string; onSaid?: (shown: Payment, said: string) => void }) {
  const me = useMe();
  const { agents, payees, nameOf, recipientOf } = useNames();
  const payment = useAsk<Payment>(`/v1/payments/${id}`);
  const isOpen = payment.data?.state === 'in_review';
  const review = useAsk<Review>(can(me, 'approve') && isOpen ? `/v1/reviews/${id}` : null);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const tell = (shown: Payment, text: string): void => {
    setSaid(text);
    onSaid?.(shown, text);
  };

  const answer = async (shown: Payment, verdict: Verdict, reason?: string): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      const wallet = agents.find((agent) => agent.id === shown.agent)?.wallet?.address ?? '';
      // Typed data from the server: signed only after a check against the shown payment.
      const typedData = review.data?.[verdict];
      const wrong = differences(verdict, typedData, { payment: shown, wallet, chain: me.chain });
      if (wrong.length > 0) {
        throw new Error(`What you would sign is not what this page shows (${wrong.join(', ')}). Do not sign it.`);
      }
      const { address, signature } = await signAs(me, typedData, `bursar ${verdict} ${id}`);
      const after = await ask<Payment>(`/v1/reviews/${id}`, {
        verdict,
        approver: address,
        signature,
        ...(reason ? { reason } : {}),
      });
      tell(shown, outcome(verdict, after));
    } catch (error) {
      if (error instanceof Problem && error.code === 'invalid_transition') {
        tell(shown, 'Another approver answered first; your signature was not needed.');
      } else setFailure(walletProblem(error));
    } finally {
      payment.reload();
      setBusy(false);
    }
  };
  return (
    <AsyncContent answer={payment}>
      {(shown) => (
        <Card title={`${usdc(shown.amount)} to ${recipientOf(shown) ?? 'an unknown address'}`}>
          <DescriptionList
            facts={[
              ['Amount', <strong key="amount">{usdc(shown.amount)}</strong>],
              [
                'Recipient',
                <Destination key="to" payment={shown} payee={payees.find(({ id: each }) => each === shown.payee)} />,
              ],
              ['Agent', nameOf(shown.agent)],
              ['Workflow', `${nameOf(shown.workflow)}${shown.run ? `, run ${inert(shown.run)}` : ''}`],
              ['Sponsor', nameOf(shown.sponsor)],
              ['Memo', inert(shown.memo ?? 'none')],
              [isOpen ? 'Reason for review' : 'Reasons', <Reasons key="why" reasons={shown.reasons} />],
              ['Approvals', <Progress key="needs" payment={shown} />],
              ['Answer by', <Timestamp key="until" at={shown.review?.expires_at ?? null} />],
              ['Chain', shown.network],
              ['Decision', <Copyable key="decision" value={shown.decision_hash} what="the decision's hash" />],
              [
                'Payment',
                <Link key="id" href={`/payments/${id}`}>
                  {id}
                </Link>,
              ],
            ]}
          />
          <Verdicts payment={shown} />
          {failure && (
            <Alert mt="sm" color="red" variant="outline" role="alert" title="Not answered">
              {inert(failure)}
            </Alert>
          )}
          {said && !onSaid && (
            <Text mt="sm" role="status" fw={600}>
              {said}
            </Text>
          )}
          {!isOpen && (
            <Text mt="sm" role="status">
              Answered: {shown.state.replaceAll('_', ' ')}.
            </Text>
          )}
          {isOpen && can(me, 'approve') && (
            <Answers
              hurdle={hurdleFor(me, shown, review.data?.sponsor_may_approve ?? true)}
              hasAnswered={shown.review?.approvals.some(({ approver }) => approver === me.approver?.name) ?? false}
              isBusy={isBusy}
              isReady={review.data !== null}
              answer={(verdict, reason) => answer(shown, verdict, reason)}
            />
          )}
          {isOpen && !can(me, 'approve') && <Text mt="sm">Your role can read reviews but not answer them.</Text>}
        </Card>
      )}
    </AsyncContent>
  );
}

/** The outcome, for the person who has just signed. */
function outcome(verdict: Verdict, after: Payment): string {
  if (verdict === 'reject') return 'Rejected. The reserved amount is available to the agent again.';
  if (after.state === 'rejected')
    return 'Approved, but not paid: the policy was evaluated again and denied the payment.';
  if (after.state !== 'in_review') return 'Approved. The payment will be sent.';
  return 'Your approval is recorded. More approvals are needed.';
}

/** Why an approval of this person would not count. The policy checks it again when it decides. */
function hurdleFor(me: Me, { review, sponsor }: Payment, maySponsor: boolean): string | null {
  const own = me.approver;
  if (!own || !review) return null;
  if (own.sponsor === sponsor && !maySponsor) {
    return 'You are the sponsor of this agent, and the policy does not let sponsors approve for their own agents. You may reject it.';
  }
  if (own.roles.some((role) => review.roles.includes(role))) return null;
  return `This review needs the role ${review.roles.join(' or ')}; your roles (${own.roles.join(', ') || 'none'}) do not count. You may reject it.`;
}

function Answers(props: {
  hurdle: string | null;
  hasAnswered: boolean;
  isBusy: boolean;
  isReady: boolean;
  answer: (verdict: Verdict, reason?: string) => Promise<void>;
}) {
  const { hurdle, hasAnswered, isBusy, isReady, answer } = props;
  const [isRejecting, setRejecting] = useState(false);
  const [reason, setReason] = useState('');
  if (hasAnswered) return <Text mt="sm">You have answered. Answers of other approvers are still missing.</Text>;
  const reject = (event: FormEvent): void => {
    event.preventDefault();
    void answer('reject', reason.trim()).then(() => setRejecting(false));
  };
  if (isRejecting) {
    return (
      <form onSubmit={reject}>
        <Textarea
          mt="md"
          autosize
          minRows={2}
          maxLength={500}
          label="Reason for the rejection"
          description="Shown to the requester of the payment. The signature covers the payment, not this text."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
          autoFocus
        />
        <Group mt="md">
          <Button type="submit" color="red" loading={isBusy} disabled={!isReady}>
            Sign the rejection
          </Button>
          <Button variant="default" onClick={() => setRejecting(false)}>
            Back
          </Button>
        </Group>
      </form>
    );
  }
  return (
    <>
      {hurdle && (
        <Alert mt="sm" color="orange" variant="outline" title="You cannot approve this">
          {inert(hurdle)}
        </Alert>
      )}
      <Group mt="md">
        {!hurdle && (
          <Button loading={isBusy} disabled={!isReady} onClick={() => void answer('approve')}>
            Approve
          </Button>
        )}
        <Button variant="default" disabled={!isReady || isBusy} onClick={() => setRejecting(true)}>
          Reject
        </Button>
      </Group>
    </>
  );
}
