import { type Address, type Hex, hashTypedData } from 'viem';
import { everyInOrder } from '../../core/inOrder.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import type { ReadTx, Store } from '../../store/store.ts';
import { type Approval, sortApprovals } from '../contracts/agentWallet.ts';
import { approvalTypedData, type SignatureCheck, verifyDigest } from '../contracts/approval.ts';
import { policyDigestOnChain } from '../contracts/approvedTransfer.ts';
import { approversVersionOf, readWalletState } from '../contracts/walletState.ts';
import type { Chain } from '../node/chain.ts';
import { activeApprover, approvalsOf, expiryOf } from './queries.ts';

/** What the wallet is handed for a payment that needs people's signatures. */
export type ApprovalPlan =
  | { kind: 'ready'; approvals: Approval[]; expiresAtS: number }
  | { kind: 'short'; data: Record<string, unknown> }
  /** No signature of it counts any more, and it can get no new one. */
  | { kind: 'expired'; reason: string }
  | { kind: 'unknown'; reason: string };

type Signed = { address: Address; signature: Hex };

/**
 * Checks every signature again, on chain and as the wallet will: an approver may have changed its ERC-1271 signer, delegated by
 * EIP-7702 or left the wallet's list since. The wallet refuses a payment for one bad signature, so it gets exactly as many good
 * ones as it asks for. Throws `chain_unavailable`.
 */
export async function planApprovals({ store, chain }: { store: Store; chain: Chain }, payment: Payment) {
  const { wallet, signed, expiresAtS } = await store.read(async (tx) => ({
    wallet: (await getAgent(tx, payment.agentId)).wallet,
    ...(await signaturesOf(tx, payment.id)),
  }));
  if (!wallet) return { kind: 'unknown', reason: 'The agent has no wallet.' } satisfies ApprovalPlan;
  const [state, block] = await Promise.all([
    readWalletState(chain, wallet.address),
    chain.run((client) => client.getBlock()),
  ]);
  if (!state && wallet.deployedAtMs !== null) {
    return { kind: 'unknown', reason: 'The node knows no code where the wallet stands.' } satisfies ApprovalPlan;
  }
  if (block.timestamp >= BigInt(expiresAtS)) {
    return {
      kind: 'expired',
      reason: 'The approvals expired before the wallet could take them.',
    } satisfies ApprovalPlan;
  }
  const listed = state?.approvers ?? wallet.ceilings.approvers;
  const threshold = state?.threshold ?? wallet.ceilings.threshold;
  const approversVersion = state?.approversVersion ?? 1n;
  const digest = digestOf(chain, payment, wallet.address, { expiresAtS, approversVersion });
  const checks = await Promise.all(
    signed.map(async ({ address, signature }) => ({
      address,
      check: listed.includes(address)
        ? await verifyDigest(chain, address, { digest, signature, asker: wallet.address })
        : ({ valid: false, why: 'not_listed' } as const),
    })),
  );
  return choose(checks, threshold, expiresAtS);
}

type OfWallet = { expiresAtS: number; approversVersion: bigint };

function digestOf(chain: Chain, payment: Payment, wallet: Address, of: OfWallet): Hex {
  const policyDigest = policyDigestOnChain(payment.policyDigest);
  const terms = { ...payment, ...of, payee: payment.address, policyDigest, wallet, token: chain.token };
  return hashTypedData(approvalTypedData('approve', terms));
}

/** Approvers of the payment so far whose signature their contract or key no longer stands by. Throws `chain_unavailable`. */
export async function noLongerGood({ store, chain }: { store: Store; chain: Chain }, payment: Payment) {
  const { wallet, signed, expiresAtS } = await store.read(async (tx) => ({
    wallet: (await getAgent(tx, payment.agentId)).wallet,
    ...(await signaturesOf(tx, payment.id)),
  }));
  if (!wallet || signed.length === 0) return [];
  const booked = BigInt(wallet.ceilings.approversVersion ?? 1);
  const approversVersion = await approversVersionOf(chain, wallet.address, booked);
  const digest = digestOf(chain, payment, wallet.address, { expiresAtS, approversVersion });
  const checks = await Promise.all(
    signed.map(async ({ address, signature }) => ({
      address,
      check: await verifyDigest(chain, address, { digest, signature, asker: wallet.address }),
    })),
  );
  return checks.filter(({ check }) => !check.valid).map(({ address }) => address);
}

type Checked = { address: Address; check: SignatureCheck | { valid: false; why: 'not_listed' } };

function choose(checks: readonly Checked[], threshold: number, expiresAtS: number): ApprovalPlan {
  const good: Approval[] = [];
  const bad: { approver: Address; why: string }[] = [];
  for (const { address, check } of checks) {
    if (check.valid) good.push({ approver: address, signature: check.signature });
    else bad.push({ approver: address, why: check.why });
  }
  if (threshold > 0 && good.length >= threshold) {
    // Plain keys first: what a contract answers can change between this check and the block.
    const plainFirst = [...good].sort((a, b) => a.signature.length - b.signature.length);
    return { kind: 'ready', approvals: sortApprovals(plainFirst.slice(0, threshold)), expiresAtS };
  }
  return { kind: 'short', data: { good: good.length, threshold, no_longer_good: bad } };
}

/** Approvals by approvers who are active; all were made over one expiry. */
async function signaturesOf(tx: ReadTx, paymentId: string): Promise<{ signed: Signed[]; expiresAtS: number }> {
  const rows = await tx.all(approvalsOf, { payment: paymentId });
  const first = await tx.get(expiryOf, { payment: paymentId });
  return { signed: rows, expiresAtS: Math.floor(Number(first?.expires_at ?? 0n) / 1000) };
}

/** Whether the approvers of a plan are still active in the books, in the write that queues it. */
export async function stillActive(tx: ReadTx, approvals: readonly Approval[]): Promise<boolean> {
  return everyInOrder(
    approvals,
    async ({ approver }) => (await tx.get(activeApprover, { address: approver })) !== undefined,
  );
}
