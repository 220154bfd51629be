import { encodeAbiParameters, encodeEventTopics, type Hex, type Log, pad } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentWalletAbi } from '../../../chain/contracts/contracts.generated.ts';
import { tokenAbi } from '../../../chain/contracts/tokenDomain.ts';
import {
  addAgent,
  addPayment,
  addressFrom,
  DECISION,
  nonceOf,
  OUTSIDER,
  openBooks,
  POLICY,
  SELLER,
  type TestAgent,
} from '../../../chain/follow/testing/books.ts';
import { paymentIdOnChain } from '../../../core/ids/paymentIdOnChain.ts';
import type { Payment } from '../../../decide/payments/payment.ts';
import type { Store } from '../../../store/store.ts';
import { paymentsOfLogs } from './logPayments.ts';

const TOKEN = addressFrom('token');
let store: Store;
let agent: TestAgent;
let other: TestAgent;
let paid: Payment;
let bought: Payment;

beforeAll(async () => {
  store = await openBooks();
  [agent, other] = [await addAgent(store, 'one'), await addAgent(store, 'two')];
  await store.write(async (tx) => {
    paid = await addPayment(tx, { agent, to: SELLER, amount: 5n, held: 0n });
    bought = await addPayment(tx, { agent, to: SELLER, amount: 5n, held: 0n, rail: 'x402' });
  });
});
afterAll(() => store.close());

const logOf = (address: Hex, topics: readonly unknown[], data: Hex = '0x'): Log => ({
  address,
  topics: topics as [Hex, ...Hex[]],
  data,
  blockHash: pad('0x1'),
  blockNumber: 1n,
  logIndex: 7,
  transactionHash: pad('0x2'),
  transactionIndex: 0,
  removed: false,
});
const executed = (address: Hex, paymentId: Hex): Log =>
  logOf(
    address,
    encodeEventTopics({
      abi: agentWalletAbi,
      eventName: 'PaymentExecuted',
      args: { paymentId, payee: SELLER, policyDigest: POLICY },
    }),
    encodeAbiParameters([{ type: 'uint256' }, { type: 'bytes32' }], [5n, DECISION]),
  );
const used = (address: Hex, authorizer: Hex, nonce: Hex): Log =>
  logOf(address, encodeEventTopics({ abi: tokenAbi, eventName: 'AuthorizationUsed', args: { authorizer, nonce } }));
const told = (log: Log, settled: Payment[] = [paid, bought]): Promise<string | null> =>
  store.read(async (tx) => (await paymentsOfLogs(tx, TOKEN, settled))(log));

describe('the payment of an event', () => {
  it('is the one that its own wallet names, or whose nonce its own purse signed', async () => {
    expect(await told(executed(agent.wallet, paymentIdOnChain(paid.id)))).toBe(paid.id);
    expect(await told(used(TOKEN, agent.purse, nonceOf(bought.id)))).toBe(bought.id);
  });

  it('is none where another contract says the same words', async () => {
    for (const from of [OUTSIDER, other.wallet, TOKEN]) {
      expect(await told(executed(from, paymentIdOnChain(paid.id)))).toBeNull();
    }
    expect(await told(used(OUTSIDER, agent.purse, nonceOf(bought.id)))).toBeNull();
    expect(await told(used(TOKEN, other.purse, nonceOf(bought.id)))).toBeNull();
  });

  it('is none where the transaction did not settle it, or the event is broken or unknown', async () => {
    expect(await told(executed(agent.wallet, paymentIdOnChain(paid.id)), [bought])).toBeNull();
    expect(await told({ ...executed(agent.wallet, paymentIdOnChain(paid.id)), data: '0x12' })).toBeNull();
    expect(await told(logOf(agent.wallet, [pad('0x9')]))).toBeNull();
    expect(await told(logOf(agent.wallet, []))).toBeNull();
  });
});
