import { type Address, getAddress, type Hex, keccak256, sha256, toHex } from 'viem';
import { agentAccount, balance } from '../../../books/ledger/journal.ts';
import { newId, type PaymentId } from '../../../core/ids/ids.ts';
import { paymentIdOnChain } from '../../../core/ids/paymentIdOnChain.ts';
import { mapInOrder } from '../../../core/inOrder.ts';
import type { PaymentKind } from '../../../core/payment/kinds.ts';
import type { PaymentState } from '../../../core/payment/states.ts';
import { hold } from '../../../decide/payments/hold.ts';
import type { Payment, Rail } from '../../../decide/payments/payment.ts';
import { findPayment } from '../../../decide/payments/records.ts';
import { query, statement } from '../../../store/statement.ts';
import type { Store, Tx } from '../../../store/store.ts';
import { openTestStore } from '../../../store/testing/openTestStore.ts';
import { purseNonce } from '../../contracts/purse.ts';

export const CHAIN_ID = 31_337;
export const TREASURY: Address = addressFrom('treasury');
export const SELLER: Address = addressFrom('seller');
export const OUTSIDER: Address = addressFrom('outsider');
export const POLICY: Hex = sha256(toHex('policy'));
export const DECISION: Hex = sha256(toHex('decision'));

export function addressFrom(seed: string): Address {
  return getAddress(`0x${keccak256(toHex(seed)).slice(-40)}`);
}

const SPONSOR = 'spn_1';
const newAgent = statement<{ id: string; name: string }>()((db, p) =>
  db
    .insertInto('agents')
    .values({ id: p.id, name: p.name, sponsor_id: SPONSOR, status: 'active', labels_json: '{}', created_at: 0 }),
);
const newWallet = statement<{ id: string; wallet: string; purse: string }>()((db, p) =>
  db.insertInto('wallets').values({
    agent_id: p.id,
    chain_id: CHAIN_ID,
    address: p.wallet,
    purse_address: p.purse,
    salt: '0x',
    config_json: '{}',
    ceilings_json: '{}',
  }),
);
const newPayment = statement<{
  id: string;
  key: string;
  agent: string;
  kind: PaymentKind;
  rail: Rail;
  chain: number;
  to: string;
  amount: bigint;
  state: PaymentState;
  funds: string | null;
}>()((db, p) =>
  db.insertInto('payments').values({
    id: p.id,
    chain_key: p.key,
    agent_id: p.agent,
    sponsor_id: SPONSOR,
    kind: p.kind,
    rail: p.rail,
    chain_id: p.chain,
    address: p.to,
    amount_micro: p.amount,
    held_micro: 0,
    state: p.state,
    funds_payment: p.funds,
    reasons_json: '[]',
    policy_digest: `sha256:${POLICY.slice(2)}`,
    decision_hash: DECISION,
    idempotency_key: p.id,
    body_hash: '',
    request_json: '{}',
    created_at: 0,
    updated_at: 0,
  }),
);
const takeNonceFor = statement<{ id: string }>()((db, p) =>
  db
    .updateTable('payments')
    .set((eb) => ({
      wallet_nonce: eb
        .selectFrom('wallets')
        .select('wallets.next_nonce')
        .whereRef('wallets.agent_id', '=', 'payments.agent_id'),
    }))
    .where('id', '=', p.id),
);
const countNonce = statement<{ agent: string; chain: number }>()((db, p) =>
  db
    .updateTable('wallets')
    .set((eb) => ({ next_nonce: eb('next_nonce', '+', 1n) }))
    .where('agent_id', '=', p.agent)
    .where('chain_id', '=', p.chain),
);
const newAuthorization = statement<{
  id: string;
  purse: string;
  nonce: string;
  to: string;
  amount: bigint;
  validBefore: number;
}>()((db, p) =>
  db.insertInto('x402_authorizations').values({
    payment_id: p.id,
    chain_id: CHAIN_ID,
    purse: p.purse,
    nonce: p.nonce,
    pay_to: p.to,
    value_micro: p.amount,
    valid_after_s: 0,
    valid_before_s: p.validBefore,
    resource_json: '{}',
  }),
);
const everyAlert = statement()((db) => db.selectFrom('alerts').selectAll().orderBy('id'));
const everyEvent = statement()((db) => db.selectFrom('events').select('type').orderBy('seq'));
const statusOf = statement<{ agent: string }>()((db, p) =>
  db.selectFrom('agents').select(['status', 'status_reason']).where('id', '=', p.agent),
);

export type TestAgent = { id: string; wallet: Address; purse: Address };

/** A store with one sponsor, whose treasury is TREASURY. */
export async function openBooks(path = ':memory:', treasury = TREASURY): Promise<Store> {
  const store = await openTestStore(path);
  await store.write((tx) =>
    tx.run(
      query((db) =>
        db
          .insertInto('sponsors')
          .values({ id: SPONSOR, name: 'Sponsor', status: 'active', treasury_address: treasury, created_at: 0 }),
      ),
    ),
  );
  return store;
}

export async function addAgent(
  store: Store,
  name: string,
  places?: { wallet: Address; purse: Address },
): Promise<TestAgent> {
  const agent = {
    id: newId('agent'),
    wallet: places?.wallet ?? addressFrom(`${name} wallet`),
    purse: places?.purse ?? addressFrom(`${name} purse`),
  };
  await store.write(async (tx) => {
    await tx.run(newAgent, { id: agent.id, name });
    await tx.run(newWallet, agent);
  });
  return agent;
}

export type TestPayment = {
  agent: TestAgent;
  to: Address;
  amount: bigint;
  state?: PaymentState;
  kind?: PaymentKind;
  rail?: Rail;
  /** Default: the whole amount. */
  held?: bigint;
  fundsPayment?: PaymentId;
  chainId?: number;
  /** x402 only. Unix seconds. */
  validBefore?: number;
};

/** A payment as the gate would leave it: its hold in the journal, its authorization where it is x402. */
export async function addPayment(tx: Tx, input: TestPayment): Promise<Payment> {
  const id = newId('payment');
  const rail = input.rail ?? 'wallet';
  const { agent, to, amount, chainId = CHAIN_ID } = input;
  await tx.run(newPayment, {
    id,
    key: paymentIdOnChain(id),
    agent: agent.id,
    kind: input.kind ?? 'payout',
    rail,
    chain: chainId,
    to,
    amount,
    state: input.state ?? 'submitted',
    funds: input.fundsPayment ?? null,
  });
  if (rail === 'wallet') {
    await tx.run(takeNonceFor, { id });
    await tx.run(countNonce, { agent: agent.id, chain: chainId });
  }
  await hold(tx, { id, agentId: agent.id as Payment['agentId'], rail }, input.held ?? amount, 0);
  if (rail === 'x402') {
    const validBefore = input.validBefore ?? 4_000_000_000;
    await tx.run(newAuthorization, { id, purse: agent.purse, nonce: nonceOf(id), to, amount, validBefore });
  }
  return (await findPayment(tx, id)) as Payment;
}

/** The EIP-3009 nonce under which the purse signs the payment. */
export const nonceOf = (id: PaymentId): Hex =>
  purseNonce({ chainKey: paymentIdOnChain(id), policyDigest: POLICY, decisionHash: DECISION, epoch: 0 });

/** The item that AgentWallet.payBatch would be given for the payment. */
export function payItem(payment: Payment): { chainKey: Hex; payee: Address; amount: bigint; decisionHash: Hex } {
  const { chainKey, address: payee, amount, decisionHash } = payment;
  return { chainKey, payee, amount, decisionHash };
}

export async function paymentOf(store: Store, id: string): Promise<Payment> {
  return (await store.read((tx) => findPayment(tx, id))) as Payment;
}
export async function stateOf(store: Store, payment: Payment): Promise<string> {
  return (await paymentOf(store, payment.id)).state;
}

/** An agent's accounts in micro-USDC, those at 0 left out. */
export async function accountsOf(store: Store, agent: TestAgent): Promise<Record<string, bigint>> {
  const names = ['available', 'reserved', 'suspense', 'purse', 'purse_reserved'] as const;
  return store.read(async (tx) =>
    Object.fromEntries(
      (
        await mapInOrder(names, async (name) => [name, await balance(tx, agentAccount(agent.id, name))] as const)
      ).filter(([, amount]) => amount !== 0n),
    ),
  );
}

export async function alertsOf(
  store: Store,
): Promise<{ type: string; agent: string | null; body: Record<string, unknown>; open: boolean }[]> {
  return store.read(async (tx) =>
    (await tx.all(everyAlert)).map((row) => ({
      type: row.type,
      agent: row.agent_id,
      body: JSON.parse(row.body_json) as Record<string, unknown>,
      open: row.resolved_at === null,
    })),
  );
}

export async function eventsOf(store: Store, ...types: string[]): Promise<string[]> {
  return store.read(async (tx) =>
    (await tx.all(everyEvent)).map((row) => row.type).filter((type) => types.length === 0 || types.includes(type)),
  );
}
export async function agentStatus(
  store: Store,
  agent: TestAgent,
): Promise<{ status: string; status_reason: string | null }> {
  return (
    (await store.read((tx) => tx.get(statusOf, { agent: agent.id }))) ?? {
      status: '',
      status_reason: null,
    }
  );
}
