import { Card } from '../components/card.tsx';
import { Copyable } from '../components/copyable.tsx';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Mono } from '../components/mono.tsx';
import { Timestamp } from '../components/timestamp.tsx';
import { usdc } from '../format.ts';
import { inert, type Money } from '../views.ts';

/** EIP-3009, as signed by the purse. */
export type Authorization = {
  from: string;
  to: string;
  amount: Money;
  nonce: string;
  valid_after: string;
  valid_before: string;
  cancelled_at: string | null;
};
type Bought = { resource: string; method: string; scheme: string; payment_flow: string; description: string | null };

/** What was bought over HTTP 402 and what the seller received. All text of the offer is the seller's. */
export function Purchase(props: { decisions: { input: unknown }[]; authorization: Authorization | null }) {
  const bought = boughtBy(props.decisions[0]?.input);
  const signed = props.authorization;
  return (
    <Card title="HTTP 402 purchase">
      <DescriptionList
        facts={[
          ...(bought
            ? ([
                ['Method', inert(bought.method)],
                ['URL', <Mono key="url">{inert(bought.resource)}</Mono>],
                ['Description by the seller', inert(bought.description ?? 'none')],
                ['Scheme', `${inert(bought.scheme)}, ${inert(bought.payment_flow)}`],
              ] as const)
            : []),
          ...(signed
            ? ([
                ['Authorization', `${usdc(signed.amount)}, payable once to the holder`],
                ['Purse', <Mono key="from">{signed.from}</Mono>],
                ['To', <Mono key="to">{signed.to}</Mono>],
                ['Nonce', <Copyable key="nonce" value={signed.nonce} what="the authorization's nonce" />],
                ['Valid until', <Timestamp key="until" at={signed.valid_before} />],
              ] as const)
            : ([['Authorization', 'not signed']] as const)),
          ...(signed?.cancelled_at
            ? ([['Cancelled', <Timestamp key="cancelled" at={signed.cancelled_at} />]] as const)
            : []),
        ].map(([name, value]) => [name, value])}
      />
    </Card>
  );
}

/** The purchase in the input of the decision. */
function boughtBy(input: unknown): Bought | null {
  const x402 = (input as { payment?: { x402?: Partial<Bought> | null } } | undefined)?.payment?.x402;
  if (!x402?.resource) return null;
  const { resource, method = '', scheme = '', payment_flow: flow = '', description = null } = x402;
  return { resource, method, scheme, payment_flow: flow, description };
}
