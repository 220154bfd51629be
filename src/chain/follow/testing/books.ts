import { type Address, getAddress, type Hex, keccak256, sha256, toHex } from 'viem';
import { agentAccount, balance } from '../../../books/ledger/journal.ts';
import { newId, type PaymentId, paymentIdOnChain } from '../../../core/ids/ids.ts';
import type { PaymentKind } from '../../../core/payment/kinds.ts';
import type { PaymentState } from '../../../core/payment/states.ts';
import { hold } from '../../../decide/payments/hold.ts';
import type { Payment, Rail } from '../../../decide/payments/payment.ts';
import { findPayment } from '../../../decide/payments/records.ts';
import { openStore, type Store, type Tx } from '../../../store/store.ts';
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

export type TestAgent = { id: string; wallet: Address; purse: Address };

/** A store with one sponsor, whose treasury is TREASURY. */
export async function openBooks(path = ':memory:', treasury = TREASURY): Promise<Store> {
  const store = await openStore(path);
  await store.write((tx) =>
    tx.run(
      "INSERT INTO sponsors (id, name, status, treasury_address, created_at) VALUES ('spn_1', 'Sponsor', 'active', ?, 0)",
      treasury,
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
  await store.write((tx) => {
    tx.run(
      "INSERT INTO agents (id, name, sponsor_id, status, labels_json, created_at) VALUES (?, ?, 'spn_1', 'active', '{}', 0)",
      agent.id,
      name,
    );
    tx.run(
      "INSERT INTO wallets (agent_id, chain_id, address, purse_address, salt, config_json, ceilings_json) VALUES (?, ?, ?, ?, '0x', '{}', '{}')",
      agent.id,
      CHAIN_ID,
      agent.wallet,
      agent.purse,
    );
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
export function addPayment(tx: Tx, input: TestPayment): Payment {
  const id = newId('payment');
  const rail = input.rail ?? 'wallet';
  tx.run(
    `INSERT INTO payments (id, chain_key, agent_id, sponsor_id, kind, rail, chain_id, address, amount_micro, held_micro, state,
       funds_payment, reasons_json, policy_digest, decision_hash, idempotency_key, body_hash, request_json, created_at, updated_at)
     VALUES (?, ?, ?, 'spn_1', ?, ?, ?, ?, ?, 0, ?, ?, '[]', ?, ?, ?, '', '{}', 0, 0)`,
    id,
    paymentIdOnChain(id),
    input.agent.id,
    input.kind ?? 'payout',
    rail,
    input.chainId ?? CHAIN_ID,
    input.to,
    input.amount,
    input.state ?? 'submitted',
    input.fundsPayment ?? null,
    `sha256:${POLICY.slice(2)}`,
    DECISION,
    id,
  );
  if (rail === 'wallet') {
    tx.run(
      'UPDATE payments SET wallet_nonce = (SELECT next_nonce FROM wallets WHERE agent_id = payments.agent_id) WHERE id = ?',
      id,
    );
    tx.run(
      'UPDATE wallets SET next_nonce = next_nonce + 1 WHERE agent_id = (SELECT agent_id FROM payments WHERE id = ? AND chain_id = wallets.chain_id)',
      id,
    );
  }
  hold(tx, { id, agentId: input.agent.id as Payment['agentId'], rail }, input.held ?? input.amount, 0);
  if (rail === 'x402') {
    tx.run(
      `INSERT INTO x402_authorizations (payment_id, chain_id, purse, nonce, pay_to, value_micro, valid_after_s, valid_before_s, resource_json)
       VALUES (?, ?, ?, ?, ?, ?, 0, ?, '{}')`,
      id,
      CHAIN_ID,
      input.agent.purse,
      nonceOf(id),
      input.to,
      input.amount,
      input.validBefore ?? 4_000_000_000,
    );
  }
  return findPayment(tx, id) as Payment;
}

/** The EIP-3009 nonce under which the purse signs the payment. */
export const nonceOf = (id: PaymentId): Hex =>
  purseNonce({ chainKey: paymentIdOnChain(id), policyDigest: POLICY, decisionHash: DECISION, epoch: 0 });

/** The item that AgentWallet.payBatch would be given for the payment. */
export function payItem(payment: Payment): { chainKey: Hex; payee: Address; amount: bigint; decisionHash: Hex } {
  const { chainKey, address: payee, amount, decisionHash } = payment;
  return { chainKey, payee, amount, decisionHash };
}

export function paymentOf(store: Store, id: string): Payment {
  return store.read((tx) => findPayment(tx, id)) as Payment;
}
export function stateOf(store: Store, payment: Payment): string {
  return paymentOf(store, payment.id).state;
}

/** An agent's accounts in micro-USDC, those at 0 left out. */
export function accountsOf(store: Store, agent: TestAgent): Record<string, bigint> {
  const names = ['available', 'reserved', 'suspense', 'purse', 'purse_reserved'] as const;
  return store.read((tx) =>
    Object.fromEntries(
      names
        .map((name) => [name, balance(tx, agentAccount(agent.id, name))] as const)
        .filter(([, amount]) => amount !== 0n),
    ),
  );
}

export function alertsOf(
  store: Store,
): { type: string; agent: string | null; body: Record<string, unknown>; open: boolean }[] {
  return store.read((tx) =>
    tx
      .all<{ type: string; agent_id: string | null; body_json: string; resolved_at: bigint | null }>(
        'SELECT * FROM alerts ORDER BY id',
      )
      .map((row) => ({
        type: row.type,
        agent: row.agent_id,
        body: JSON.parse(row.body_json) as Record<string, unknown>,
        open: row.resolved_at === null,
      })),
  );
}

export function eventsOf(store: Store, ...types: string[]): string[] {
  return store.read((tx) =>
    tx
      .all<{ type: string }>('SELECT type FROM events ORDER BY seq')
      .map((row) => row.type)
      .filter((type) => types.length === 0 || types.includes(type)),
  );
}
export function agentStatus(store: Store, agent: TestAgent): { status: string; status_reason: string | null } {
  return (
    store.read((tx) => tx.get('SELECT status, status_reason FROM agents WHERE id = ?', agent.id)) ?? {
      status: '',
      status_reason: null,
    }
  );
}
