import { type Address, encodeFunctionData, type Hex, parseAbi } from 'viem';
import { BursarError } from '../../src/core/errors/base.ts';
import type { PaymentId } from '../../src/core/ids/ids.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import { type ClientRequest, newRequest } from './clients.ts';
import type { Random } from './random.ts';
import type { SimulatedServer } from './server.ts';
import { places, type World } from './world.ts';

/** The shop that sells by x402: a registered payee. */
export const SHOP = { host: 'shop.example', address: places.shop };

/** What a seller holds after a client has presented it. */
export type Presented = { payment: string; authorization: Authorization; signature: Hex };
type Authorization = { from: Address; to: Address; value: string; validAfter: string; validBefore: string; nonce: Hex };

/** A purchase at the shop, as `purchaseRequest` makes it of the shop's only offer. */
export function newPurchase(world: World, random: Random): ClientRequest {
  const made = newRequest(world, random);
  const amount = microUsdc(BigInt(random.between(1, 150)) * 10_000n);
  const requirement = {
    scheme: 'exact',
    network: `eip155:${world.chain.options.chainId}`,
    amount: `${amount}`,
    asset: places.token,
    payTo: SHOP.address,
    maxTimeoutSeconds: random.between(20, 200),
  };
  const resource = `https://${SHOP.host}/${random.next()}`;
  const x402 = {
    path: '/',
    method: 'GET',
    scheme: 'exact',
    payment_flow: 'authorization',
    max_timeout_seconds: requirement.maxTimeoutSeconds,
    resource,
    description: null,
  };
  made.request = {
    ...made.request,
    requestJson: JSON.stringify({ x402, requirement, resource: { url: resource }, extensions: null }),
    kind: 'purchase',
    amount,
    payee: null,
    address: SHOP.address,
    rail: 'x402',
    host: SHOP.host,
    x402,
  };
  return made;
}

/** A client fetches its signature and presents it to the seller. Null: there is none now. */
export function fetchSignature(world: World, { payments }: ClientRequest, server: SimulatedServer): void {
  const payment = payments[0] as PaymentId | undefined;
  if (payment === undefined) return;
  server.signer.signature(payment, 0).then(
    (found) => {
      if (found) world.presented.push({ payment, ...payloadOf(found.header) });
    },
    (error: unknown) => {
      // The agent was frozen after the decision: it gets no signature.
      if (!(error instanceof BursarError && error.code === 'agent_not_active')) world.errors.push(error);
    },
  );
}

function payloadOf(header: string): Pick<Presented, 'authorization' | 'signature'> {
  const { payload } = JSON.parse(Buffer.from(header, 'base64').toString()) as { payload: Presented };
  return { authorization: payload.authorization, signature: payload.signature };
}

const abi = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
]);

/** The seller takes its money, now or never, and perhaps again: the token accepts each nonce once. */
export function settlePresented({ chain, presented }: World, random: Random): void {
  if (presented.length === 0) return;
  const { authorization, signature } = random.pick(presented);
  const { from, to, nonce } = authorization;
  const [value, after, before] = [authorization.value, authorization.validAfter, authorization.validBefore].map(BigInt);
  const args = [from, to, value as bigint, after as bigint, before as bigint, nonce, signature] as const;
  chain.act(SHOP.address, places.token, encodeFunctionData({ abi, functionName: 'transferWithAuthorization', args }));
}
