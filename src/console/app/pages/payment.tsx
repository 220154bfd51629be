import { Button, Group, Text } from '@mantine/core';
import { ask } from '../api.ts';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Box, download, Facts, Json, Loaded, Mono, Page, State, To, usdc, When } from '../parts.tsx';
import { useMe } from '../session.tsx';
import { type Event, inert, type Payment } from '../views.ts';
import { TransactionLink } from './explorer.tsx';

type Story = {
  payment: Payment;
  decisions: { hash: string; effect: string; policy_digest: string; at: string; input: unknown; result: unknown }[];
  signatures: { approver: string; address: string; verdict: string; signature: string; signed: unknown; at: string }[];
};

export function PaymentPage({ id }: { id: string }) {
  const { nameOf } = useNames();
  const { chain } = useMe();
  const answer = useAsk<Story>(`/v1/payments/${id}/story`);
  const events = useAsk<{ events: Event[] }>(`/v1/events?payment=${id}&limit=200`);
  const receipt = async (): Promise<void> => {
    const document = await ask(`/v1/payments/${id}/receipt`);
    download(`${id}.receipt.json`, 'application/json', `${JSON.stringify(document, null, 2)}\n`);
  };
  return (
    <Page title="Payment">
      <Loaded answer={answer}>
        {({ payment, decisions, signatures }) => (
          <>
            <Box title={`${usdc(payment.amount)} to ${payment.payee ? nameOf(payment.payee) : 'an unknown address'}`}>
              <Facts
                facts={[
                  ['State', <State key="state" state={payment.state} />],
                  ['Id', <Mono key="id">{payment.id}</Mono>],
                  ['Agent', nameOf(payment.agent)],
                  ['Address', <Mono key="to">{payment.address}</Mono>],
                  [
                    'Kind',
                    `${payment.kind.replaceAll('_', ' ')}, ${payment.rail === 'x402' ? 'by 402' : 'from the wallet'}`,
                  ],
                  ['Workflow', nameOf(payment.workflow)],
                  ['Memo', inert(payment.memo ?? 'none')],
                  ['Policy', <Mono key="policy">{payment.policy_digest}</Mono>],
                  ...(payment.settlement
                    ? ([
                        [
                          'Transaction',
                          <TransactionLink key="tx" hash={payment.settlement.tx_hash} chainId={chain.id} />,
                        ],
                        ['Block', payment.settlement.block_number],
                        ['Gas', payment.settlement.gas_used ?? 'not known'],
                      ] as [string, React.ReactNode][])
                    : []),
                ]}
              />
              <Group mt="md">
                {payment.state === 'in_review' && <To href={`/reviews/${payment.id}`}>Review it</To>}
                {payment.settlement && (
                  <Button size="xs" variant="default" onClick={receipt}>
                    Download the receipt
                  </Button>
                )}
              </Group>
            </Box>
            <Box title="What happened">
              <Loaded answer={events}>{(data) => <Timeline events={data.events} />}</Loaded>
            </Box>
            <Box title="Rules">
              {payment.reasons.map((reason) => (
                <Text key={`${reason.rule} ${reason.message}`} size="sm" mb="xs">
                  <strong>{reason.code}</strong> ({reason.rule}): {reason.message}
                  {reason.observed != null && ` Observed ${reason.observed}.`}
                  {reason.limit != null && ` Limit ${reason.limit}.`}
                </Text>
              ))}
              {decisions.map((decision, index) => (
                <details key={decision.at + decision.hash}>
                  <summary>
                    Decision {index + 1}: {decision.effect}, <When at={decision.at} />
                  </summary>
                  <Text size="sm" my="xs">
                    <Mono>{decision.hash}</Mono>
                  </Text>
                  <Json label={`Input of decision ${index + 1}`} value={decision.input} />
                  <Json label={`Result of decision ${index + 1}`} value={decision.result} />
                </details>
              ))}
            </Box>
            {signatures.length > 0 && (
              <Box title="Signatures">
                {signatures.map((each) => (
                  <details key={each.signature}>
                    <summary>
                      {each.approver}: {each.verdict}, <When at={each.at} />
                    </summary>
                    <Text size="sm" my="xs">
                      <Mono>{each.address}</Mono> signed: <Mono>{each.signature}</Mono>
                    </Text>
                    <Json label={`What ${each.approver} signed`} value={each.signed} />
                  </details>
                ))}
              </Box>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Timeline({ events }: { events: Event[] }) {
  const { nameOf } = useNames();
  return (
    <ol className="story">
      {events.map((event) => (
        <li key={event.seq}>
          <strong>{event.type.replace('payment.', '').replaceAll('_', ' ')}</strong>{' '}
          <Text span size="sm" c="dimmed">
            <When at={event.at} /> by {event.actor === 'bursar' ? 'Bursar' : nameOf(event.actor)}, event {event.seq}
          </Text>
          {Object.keys(event.data).length > 0 && (
            <details>
              <summary>Details</summary>
              <Json label={`Details of event ${event.seq}`} value={event.data} />
            </details>
          )}
        </li>
      ))}
    </ol>
  );
}
