import { getAddress, isAddress } from 'viem';
import { z } from 'zod';
import { InclusionDocument } from '../../books/transparency/proof.ts';
import { BursarError } from '../../core/errors/base.ts';
import { mapInOrder } from '../../core/inOrder.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import type { Payment } from '../../decide/payments/payment.ts';
import { findPayment, listSettledIn } from '../../decide/payments/records.ts';
import type { ChainFacts } from '../../decide/payments/request.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx } from '../../store/store.ts';
import { toldOf } from './input.ts';
import { approvalSignatures, authorizationEpoch, bundleOf, decisionsOfPayment, mandateSignatures } from './queries.ts';

// Each value has exactly one form: an address in another case would be another text for the same fact.
const hex = z.string().regex(/^0x([0-9a-f]{2})*$/);
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .refine((text) => isAddress(text) && getAddress(text) === text, 'is not an address with its EIP-55 checksum');
const bytes32 = z.string().regex(/^0x[0-9a-f]{64}$/);

/**
 * The evidence of a settled payment. With it, a node of the chain and this repository's `verify`, anyone can check it: it contains
 * the policy and the documents that it decided on. Each field is compared with a hashed input, a signature or the chain.
 */
export const Receipt = z.strictObject({
  format: z.literal('bursar-receipt/1'),
  payment: z.strictObject({
    id: z.string(),
    chain_key: bytes32,
    kind: z.string(),
    rail: z.enum(['wallet', 'x402']),
    amount_micro: z.string().regex(/^[1-9][0-9]{0,15}$/),
    agent: z.string(),
    sponsor: z.string(),
    workflow: z.string().nullable(),
    run: z.string().nullable(),
    payee: z.string().nullable(),
    address,
    refund_of: z.string().nullable(),
    /** The wallet's epoch in which an x402 authorization was signed, part of its EIP-3009 nonce; null on the wallet rail. */
    epoch: z.int().min(0).nullable(),
  }),
  chain: z.strictObject({ id: z.int().positive(), token: address, wallet: address, purse: address, factory: address }),
  settlement: z.strictObject({
    tx_hash: bytes32,
    log_index: z.int().min(0),
    block_number: z.string().regex(/^[0-9]{1,20}$/),
    block_hash: bytes32,
  }),
  policy_digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  decision_hash: bytes32,
  decisions: z
    .array(
      z.strictObject({
        hash: bytes32,
        policy_digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
        input: z.string(),
        result: z.string(),
        effect: z.enum(['allow', 'deny', 'review']),
        decided_at: z.int(),
      }),
    )
    .min(1),
  approvals: z.array(z.strictObject({ approver: address, typed_data: z.string(), signature: hex })),
  mandate: z
    .strictObject({
      id: z.string(),
      signatures: z.array(z.strictObject({ approver: address, typed_data: z.string(), signature: hex })).min(1),
    })
    .nullable(),
  bundles: z.record(z.string(), z.string()),
  /** Proves that the events of the decisions are in the log under a head on the chain; null while no anchor covers them. */
  inclusion: InclusionDocument.nullable(),
});
export type Receipt = z.infer<typeof Receipt>;

/** Returns the receipt of a settled or final payment. Throws `payment_not_found`, or `invalid_transition` if it has not settled. */
export async function receiptOf(tx: ReadTx, id: string, chain: ChainFacts): Promise<Receipt> {
  const payment = await findPayment(tx, id);
  if (!payment) throw new BursarError('payment_not_found', { details: { payment: id } });
  const { settlement } = payment;
  const wallet = (await getAgent(tx, payment.agentId)).wallet;
  if (!settlement || !wallet) {
    throw new BursarError('invalid_transition', {
      message: `The payment is ${payment.state}: a receipt comes with its settlement.`,
    });
  }
  const decisions = await decisionsOf(tx, payment);
  return {
    format: 'bursar-receipt/1',
    payment: {
      id: payment.id,
      chain_key: payment.chainKey,
      kind: payment.kind,
      rail: payment.rail,
      amount_micro: payment.amount.toString(),
      agent: payment.agentId,
      sponsor: payment.sponsorId,
      workflow: payment.workflowId,
      run: payment.workflowRun,
      payee: payment.payeeId,
      address: payment.address,
      refund_of: payment.kind === 'refund' ? payment.receivableId : null,
      epoch: await epochOf(tx, payment),
    },
    chain: {
      id: chain.chainId,
      token: chain.token,
      wallet: wallet.address,
      purse: wallet.purse,
      factory: chain.factory,
    },
    settlement: {
      tx_hash: settlement.txHash,
      log_index: settlement.logIndex,
      block_number: settlement.blockNumber.toString(),
      block_hash: settlement.blockHash,
    },
    policy_digest: payment.policyDigest,
    decision_hash: payment.decisionHash,
    decisions,
    approvals: await approvalsOf(tx, payment, decisions),
    mandate: await mandateOf(tx, payment, decisions),
    bundles: await bundlesOf(tx, new Set(decisions.map((decision) => decision.policy_digest))),
    inclusion: null,
  };
}

/** Returns the receipts of all payments that one transaction settled. */
export async function receiptsOfTransaction(tx: ReadTx, txHash: string, chain: ChainFacts): Promise<Receipt[]> {
  return mapInOrder(await listSettledIn(tx, txHash), (payment) => receiptOf(tx, payment.id, chain));
}

async function decisionsOf(tx: ReadTx, payment: Payment): Promise<Receipt['decisions']> {
  return (await tx.all(decisionsOfPayment, { payment: payment.id })).map((row) => ({
    ...row,
    decided_at: Number(row.decided_at),
  }));
}

/**
 * Only the approvals that the last decision counted: no hashed input confirms the others, and the payment does not depend on them.
 */
async function approvalsOf(
  tx: ReadTx,
  payment: Payment,
  decisions: Receipt['decisions'],
): Promise<Receipt['approvals']> {
  const counted = new Set(toldOf(decisions.at(-1)?.input)?.approvals.map(({ address: by }) => by) ?? []);
  return (await tx.all(approvalSignatures, { payment: payment.id }))
    .filter((row) => counted.has(row.address))
    .map(shownOf)
    .sort((a, b) => (a.approver < b.approver ? -1 : 1));
}

type SignatureRow = RowOf<typeof approvalSignatures>;
const shownOf = (row: SignatureRow): Receipt['approvals'][number] => ({
  approver: row.address,
  typed_data: row.typed_data_json,
  signature: row.signature.toLowerCase(),
});

async function mandateOf(tx: ReadTx, payment: Payment, decisions: Receipt['decisions']): Promise<Receipt['mandate']> {
  if (payment.mandateId === null) return null;
  const rows = await tx.all(mandateSignatures, { mandate: payment.mandateId });
  const signers = toldOf(decisions.at(-1)?.input)?.mandate?.signers ?? [];
  const signatures = signers.flatMap((signer) => rows.filter(({ address: by }) => by === signer).map(shownOf));
  return { id: payment.mandateId, signatures };
}

async function bundlesOf(tx: ReadTx, digests: Set<string>): Promise<Record<string, string>> {
  const bundles: Record<string, string> = {};
  for (const digest of digests) {
    const row = await tx.get(bundleOf, { digest });
    if (row) bundles[digest] = row.bundle;
  }
  return bundles;
}

async function epochOf(tx: ReadTx, { id }: Payment): Promise<number | null> {
  const row = await tx.get(authorizationEpoch, { payment: id });
  return row ? Number(row.epoch) : null;
}
