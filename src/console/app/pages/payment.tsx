import { Button, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { ask } from '../api.ts';
import { AsyncContent } from '../components/asyncContent.tsx';
import { Card } from '../components/card.tsx';
import { Copyable } from '../components/copyable.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Json } from '../components/json.tsx';
import { Link } from '../components/link.tsx';
import { Mono } from '../components/mono.tsx';
import { Page } from '../components/page.tsx';
import { StatusBadge } from '../components/statusBadge.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { download } from '../download.ts';
import { usdc } from '../format.ts';
import { useNames } from '../names.tsx';
import { useMe } from '../session.tsx';
import { useAsk } from '../useAsk.ts';
import { type Event, inert, type Money, type Payment } from '../views.ts';
import { TransactionLink } from './explorer.tsx';
import { type Authorization, Purchase } from './paymentPurchase.tsx';
import { Destination, Progress, Reasons } from './reviewParts.tsx';
import { Timeline } from './timeline.tsx';

type Decision = { hash: string; effect: string; policy_digest: string; at: string; input: unknown; result: unknown };
type Signature = {
  approver: string;
  address: string;
  verdict: 'approve' | 'reject';
  counts: boolean;
  reason: string | null;
  signature: string;
  signed: unknown;
  at: string;
};
type PaymentTimeline = {
  payment: Payment;
  authorization: Authorization | null;
  hints: { largest_amount_now: Money | null } | null;
  decisions: Decision[];
  signatures: Signature[];
};

/** One payment: its state, events, decisions and signatures. */
export function PaymentPage({ id }: { id: string }) {
  const answer = useAsk<PaymentTimeline>(`/v1/payments/${id}/timeline`);
  const events = useAsk<{ events: Event[] }>(`/v1/events?payment=${id}&limit=200`);
  return (
    <Page title="Payment" aside={<Link href="/payments">All payments</Link>}>
      <AsyncContent answer={answer}>
        {({ payment, authorization, hints, decisions, signatures }) => (
          <>
            <Summary payment={payment} />
            {payment.rail === 'x402' && <Purchase decisions={decisions} authorization={authorization} />}
            <Card title="What happened">
              <AsyncContent answer={events}>{(data) => <Timeline events={data.events} />}</AsyncContent>
            </Card>
            <Card title="Rules">
              <Reasons reasons={payment.reasons} />
              {hints && (
                <Text my="xs">
                  {hints.largest_amount_now
                    ? `The largest amount allowed at that moment was ${usdc(hints.largest_amount_now)}.`
                    : 'No smaller amount would have been allowed at that moment.'}
                </Text>
              )}
              {decisions.map((decision, index) => (
                <details key={decision.at + decision.hash}>
                  <summary>
                    Decision {index + 1}: {decision.effect}, <Timestamp at={decision.at} />
                  </summary>
                  <Text size="sm" my="xs">
                    Hash <Mono>{decision.hash}</Mono>, under the policy <Mono>{decision.policy_digest}</Mono>
                  </Text>
                  <Json label={`Input of decision ${index + 1}`} value={decision.input} />
                  <Json label={`Result of decision ${index + 1}`} value={decision.result} />
                </details>
              ))}
            </Card>
            {signatures.length > 0 && (
              <Card title="Signatures">
                {signatures.map((each) => (
                  <details key={each.signature}>
                    <summary>
                      {inert(each.approver)}: {each.verdict}
                      {each.verdict === 'approve' && !each.counts && ' (does not count)'}, <Timestamp at={each.at} />
                    </summary>
                    {each.reason && <Text my="xs">{inert(each.reason)}</Text>}
                    <Text size="sm" my="xs">
                      <Mono>{each.address}</Mono> signed: <Mono>{each.signature}</Mono>
                    </Text>
                    <Json label={`What ${inert(each.approver)} signed`} value={each.signed} />
                  </details>
                ))}
              </Card>
            )}
          </>
        )}
      </AsyncContent>
    </Page>
  );
}

function Summary({ payment }: { payment: Payment }) {
  const { payees, nameOf, recipientOf } = useNames();
  const { chain } = useMe();
  const { id, settlement } = payment;
  const receipt = async (): Promise<void> => {
    const document = await ask(`/v1/payments/${id}/receipt`);
    download(`${id}.receipt.json`, 'application/json', `${JSON.stringify(document, null, 2)}\n`);
  };
  const link = (folder: string, to: string): ReactNode => (
    <Link key={to} href={`/${folder}/${to}`}>
      <Mono>{to}</Mono>
    </Link>
  );
  const facts: ([string, ReactNode] | false)[] = [
    ['State', <StatusBadge key="state" state={payment.state} />],
    ['Id', <Copyable key="id" value={id} what="the payment's id" />],
    ['Agent', named(`/agents/${payment.agent}`, nameOf(payment.agent))],
    ['Recipient', <Destination key="to" payment={payment} payee={payees.find((each) => each.id === payment.payee)} />],
    [
      'Kind',
      `${payment.kind.replaceAll('_', ' ')}, ${payment.rail === 'x402' ? 'over HTTP 402 (x402)' : 'from the wallet'}`,
    ],
    ['Category', payment.category ?? 'none'],
    ['Workflow', `${nameOf(payment.workflow)}${payment.run ? `, run ${inert(payment.run)}` : ''}`],
    ['Sponsor', nameOf(payment.sponsor)],
    ['Memo', inert(payment.memo ?? 'none')],
    payment.mandate !== null && ['Mandate', link('mandates', payment.mandate)],
    payment.review !== null && ['Approvals', <Progress key="approvals" payment={payment} />],
    payment.refund_of !== null && ['Refund of', link('payments', payment.refund_of)],
    payment.refunds.length > 0 && ['Refunded by', payment.refunds.map((each) => link('payments', each))],
    payment.receivable !== null && ['Receivable', <Mono key="receivable">{payment.receivable}</Mono>],
    payment.funds !== null && ['Top-up for', link('payments', payment.funds)],
    payment.batch !== null && ['Batch', <Mono key="batch">{payment.batch}</Mono>],
    ['Policy', <Mono key="policy">{payment.policy_digest}</Mono>],
    ['Decision', <Copyable key="decision" value={payment.decision_hash} what="the decision's hash" />],
    settlement !== null && [
      'Transaction',
      <TransactionLink key="tx" hash={settlement.tx_hash} chainId={chain.id} whole />,
    ],
    settlement !== null && ['Block', `${settlement.block_number}, log ${settlement.log_index}`],
    settlement !== null && ['Settled', <Timestamp key="settled" at={settlement.settled_at} />],
    settlement !== null && ['Gas', gas(settlement)],
  ];
  return (
    <Card title={`${usdc(payment.amount)} to ${recipientOf(payment) ?? 'an unknown address'}`}>
      <DescriptionList facts={facts.filter((fact) => fact !== false)} />
      {(payment.state === 'in_review' || settlement) && (
        <Group mt="md">
          {payment.state === 'in_review' && <Link href={`/reviews/${id}`}>Open the review</Link>}
          {settlement && (
            <Button size="xs" variant="default" onClick={receipt}>
              Download the receipt
            </Button>
          )}
        </Group>
      )}
    </Card>
  );
}

const named = (href: string, text: string): ReactNode => <Link href={href}>{text}</Link>;

function gas({ gas_used: used, payments_in_transaction: count }: NonNullable<Payment['settlement']>): string {
  if (used === null) return 'unknown: not sent by this server';
  return count > 1 ? `${used}, shared by ${count} payments` : used;
}
