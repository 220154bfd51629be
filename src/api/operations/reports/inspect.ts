import { type Abi, type Address, decodeEventLog, decodeFunctionData, getAddress, type Hex } from 'viem';
import { z } from 'zod';
import {
  agentWalletAbi,
  agentWalletFactoryAbi,
  policyRegistryAbi,
  x402PurseAbi,
} from '../../../chain/contracts/contracts.generated.ts';
import { tokenAbi } from '../../../chain/contracts/tokenDomain.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { flatMapInOrder, mapInOrder } from '../../../core/inOrder.ts';
import { toJson } from '../../../core/money/json.ts';
import { Hex32, idOf, iso } from '../../../core/schemas/schemas.ts';
import { named as namedLike } from '../../../decide/payments/queries.ts';
import { listPayments, listSettledIn } from '../../../decide/payments/records.ts';
import type { ReadTx } from '../../../store/store.ts';
import { operation } from '../operation.ts';
import { paymentsOfLogs } from '../payments/logPayments.ts';
import { visiblePayment } from '../payments/payments.ts';
import { HintsView, PaymentView, paymentView } from '../payments/paymentView.ts';
import { AuthorizationView, authorizationOf, hintsThen } from '../payments/timelineViews.ts';
import {
  decisionTexts,
  payeeWithAddress,
  paymentIdsBetween,
  signaturesOfPayment,
  walletWithAddress,
} from './queries.ts';

const Decoded = z
  .object({ name: z.string(), args: z.array(z.object({ name: z.string(), value: z.string() })) })
  .meta({ id: 'DecodedCall' });
const abis: readonly Abi[] = [agentWalletAbi, tokenAbi, agentWalletFactoryAbi, policyRegistryAbi, x402PurseAbi];

const show = (value: unknown): string => (typeof value === 'object' ? toJson(value) : String(value));

/** Names the arguments by the item's ABI. Null: none of our contracts' ABIs has it. */
function named(
  item: { name: string; args: unknown },
  inputs: readonly { name?: string | undefined }[],
): z.input<typeof Decoded> {
  const { args } = item;
  const list = Array.isArray(args) ? args : Object.values((args as Record<string, unknown> | undefined) ?? {});
  return {
    name: item.name,
    args: list.map((value, index) => ({ name: inputs[index]?.name ?? String(index), value: show(value) })),
  };
}

function inputsOf(abi: Abi, name: string): readonly { name?: string | undefined }[] {
  const item = abi.find((each) => 'name' in each && each.name === name);
  return item && 'inputs' in item ? (item.inputs ?? []) : [];
}

function decodeCall(data: Hex): z.input<typeof Decoded> | null {
  for (const abi of abis) {
    try {
      const { functionName, args } = decodeFunctionData({ abi, data });
      return named({ name: functionName, args: args ?? [] }, inputsOf(abi, functionName));
    } catch {
      // Of another contract.
    }
  }
  return null;
}

function decodeLog(log: { data: Hex; topics: [] | [Hex, ...Hex[]] }): z.input<typeof Decoded> | null {
  for (const abi of abis) {
    try {
      const { eventName, args } = decodeEventLog({ abi, data: log.data, topics: log.topics });
      if (eventName === undefined) return null;
      return named({ name: eventName, args: args ?? [] }, inputsOf(abi, eventName));
    } catch {
      // Of another contract.
    }
  }
  return null;
}

/** The owner of an address, as text; null for an outside address. */
async function nameOf(tx: ReadTx, token: Address, address: Address): Promise<string | null> {
  if (address === token) return 'USDC';
  const wallet = await tx.get(walletWithAddress, { address });
  if (wallet) return `${wallet.name} (${wallet.address === address ? 'wallet' : 'purse'})`;
  return (await tx.get(payeeWithAddress, { address }))?.name ?? null;
}

const Party = z.object({ address: z.string(), name: z.string().nullable() }).meta({ id: 'Party' });
const FOUND_MAX = 50;

export const inspectOperations = [
  operation({
    name: 'get_transaction',
    summary: 'A transaction of the chain, decoded: its call, its events, and the payments that it settled.',
    method: 'GET',
    path: '/v1/transactions/{hash}',
    scope: 'read',
    cost: 'medium',
    peopleOnly: true,
    input: z.strictObject({ hash: Hex32 }),
    output: z.object({
      hash: z.string(),
      status: z.enum(['success', 'reverted', 'pending']),
      from: Party,
      to: Party.nullable(),
      block_number: z.string().nullable(),
      at: z.string().nullable(),
      gas_used: z.string().nullable(),
      nonce: z.int(),
      call: Decoded.nullable(),
      input: z.string(),
      logs: z.array(
        z.object({
          contract: Party,
          event: Decoded.nullable(),
          payment: z.string().nullable().describe('Of the payments that it settled, the one that this event is about'),
          topics: z.array(z.string()),
          data: z.string(),
        }),
      ),
      payments: z.array(z.string()),
    }),
    errors: ['not_found', 'chain_unavailable'],
    handler: async (app, _caller, { hash }) => {
      const found = await app.chain.run(async (client) => {
        const transaction = await client.getTransaction({ hash: hash as Hex }).catch((error: unknown) => {
          if (error instanceof Error && error.name === 'TransactionNotFoundError') return null;
          throw error;
        });
        if (transaction === null) return null;
        if (transaction.blockHash === null) return { transaction, receipt: null, block: null };
        const receipt = await client.getTransactionReceipt({ hash: hash as Hex });
        return { transaction, receipt, block: await client.getBlock({ blockHash: receipt.blockHash }) };
      });
      if (!found) throw new BursarError('not_found', { message: 'The chain knows no such transaction.' });
      const { transaction, receipt, block } = found;
      return app.store.read(async (tx) => {
        const party = async (address: Address) => ({
          address: getAddress(address),
          name: await nameOf(tx, app.chainFacts.token, getAddress(address)),
        });
        const settled = await listSettledIn(tx, hash);
        const paymentOf = await paymentsOfLogs(tx, app.chainFacts.token, settled);
        return {
          hash,
          status: receipt?.status ?? ('pending' as const),
          from: await party(transaction.from),
          to: transaction.to && (await party(transaction.to)),
          block_number: receipt?.blockNumber.toString() ?? null,
          at: block ? iso(Number(block.timestamp) * 1000) : null,
          gas_used: receipt?.gasUsed.toString() ?? null,
          nonce: transaction.nonce,
          call: decodeCall(transaction.input),
          input: transaction.input,
          logs: await mapInOrder(receipt?.logs ?? [], async (log) => ({
            contract: await party(log.address),
            event: decodeLog(log),
            payment: paymentOf(log),
            topics: [...log.topics],
            data: log.data,
          })),
          payments: settled.map(({ id }) => id),
        };
      });
    },
  }),
  operation({
    name: 'get_payment_timeline',
    summary:
      "The evidence of a payment's decisions: each decision with its input and result, each signature with the signed data.",
    method: 'GET',
    path: '/v1/payments/{id}/timeline',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({ id: idOf('payment') }),
    output: z.object({
      payment: PaymentView,
      authorization: AuthorizationView.nullable().describe('What the purse signed for the seller of a 402'),
      hints: HintsView.nullable().describe('On a denial: what the policy would have allowed instead at that time'),
      decisions: z.array(
        z.object({
          hash: z.string(),
          effect: z.string(),
          policy_digest: z.string(),
          at: z.string(),
          input: z.unknown(),
          result: z.unknown(),
        }),
      ),
      signatures: z.array(
        z.object({
          approver: z.string(),
          address: z.string(),
          verdict: z.enum(['approve', 'reject']),
          counts: z.boolean(),
          reason: z.string().nullable(),
          signature: z.string(),
          signed: z.unknown(),
          at: z.string(),
        }),
      ),
    }),
    errors: ['payment_not_found'],
    handler: (app, caller, { id }) =>
      app.store.read(async (tx) => {
        const payment = await visiblePayment(tx, caller, id);
        const decisions = await tx.all(decisionTexts, { payment: id });
        const signatures = await tx.all(signaturesOfPayment, { payment: id });
        return {
          payment: await paymentView(tx, payment),
          authorization: await authorizationOf(tx, id),
          hints: hintsThen(app, payment, decisions.at(-1)?.input_json),
          decisions: decisions.map((row) => ({
            hash: row.hash,
            effect: row.effect,
            policy_digest: row.policy_digest,
            at: iso(Number(row.decided_at)),
            input: JSON.parse(row.input_json) as unknown,
            result: JSON.parse(row.result_json) as unknown,
          })),
          signatures: signatures.map((row) => ({
            approver: row.name,
            address: row.address,
            verdict: row.verdict,
            counts: row.counts === 1n,
            reason: row.reason,
            signature: row.signature,
            signed: JSON.parse(row.typed_data_json) as unknown,
            at: iso(Number(row.signed_at)),
          })),
        };
      }),
  }),
  operation({
    name: 'search_payments',
    summary: 'Find payments by id, transaction hash, agent or payee name, newest first; at most 50.',
    method: 'GET',
    path: '/v1/search/payments',
    scope: 'read',
    cost: 'heavy',
    peopleOnly: true,
    input: z.strictObject({ q: z.string().trim().min(2).max(100) }),
    output: z.object({ payments: z.array(PaymentView) }),
    errors: [],
    handler: (app, _caller, { q }) =>
      app.store.read(async (tx) => {
        if (/^0x[0-9a-f]{64}$/i.test(q)) {
          return {
            payments: await mapInOrder((await listSettledIn(tx, q.toLowerCase())).slice(0, FOUND_MAX), (each) =>
              paymentView(tx, each),
            ),
          };
        }
        // By index: names lead to ids, ids to payments. The texts of a million payments are not read.
        const pattern = `%${q.replaceAll(/[!%_]/g, '!$&')}%`;
        const found = [
          ...(await flatMapInOrder(await tx.all(namedLike.agents, { pattern }), ({ id }) =>
            listPayments(tx, { agentId: id, limit: FOUND_MAX }),
          )),
          ...(await flatMapInOrder(await tx.all(namedLike.payees, { pattern }), ({ id }) =>
            listPayments(tx, { payeeId: id, limit: FOUND_MAX }),
          )),
          ...(await flatMapInOrder(
            await tx.all(paymentIdsBetween, { from: q, before: `${q}~`, limit: FOUND_MAX }),
            ({ id }) => listPayments(tx, { before: `${id}~`, limit: 1 }),
          )),
        ];
        const distinct = new Map(found.map((payment) => [payment.id, payment]));
        const newest = [...distinct.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, FOUND_MAX);
        return { payments: await mapInOrder(newest, (payment) => paymentView(tx, payment)) };
      }),
  }),
];
