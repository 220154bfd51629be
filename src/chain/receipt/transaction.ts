import {
  type Address,
  getAddress,
  type Hex,
  isAddressEqual,
  type PublicClient,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
} from 'viem';
import { agentWalletAbi, policyRegistryAbi, x402PurseAbi } from '../contracts/contracts.generated.ts';
import { factoryAddress } from '../contracts/factoryAddress.ts';
import { minedTransaction, usdcAbi } from './chain.ts';
import type { Finding } from './finding.ts';
import { viewOf } from './node.ts';
import { checkOrganisation, findFactory, type Trusted } from './organisation.ts';
import { type AuthorizationFields, authorizationFields } from './purseSignature.ts';

/** The facts of one payment that the chain alone shows. Null: the chain does not show it. */
export type ChainPayment = {
  rail: 'wallet' | 'x402';
  wallet: Address;
  purse: Address;
  payee: Address;
  token: Address;
  amount_micro: string;
  log_index: number;
  /** keccak256 of the payment's id. */
  payment_key: Hex | null;
  policy_digest: string | null;
  decision_hash: Hex | null;
  /** The owner of the genuine factory that created the wallet; null if none was found. */
  organisation: Address | null;
  findings: Finding[];
  assumed: string[];
  /** The first head of the event log that was anchored after the payment. */
  anchor: { size: string; root: Hex; by: Address; block_number: string } | null;
};

export type TransactionView = {
  chain_id: number;
  tx_hash: Hex;
  state: 'unknown' | 'pending' | 'failed' | 'mined';
  block_number: string | null;
  block_hash: Hex | null;
  payments: ChainPayment[];
  /** Transfers of any token in this transaction that belong to none of the payments. */
  other_transfers: number;
};

/** Reads a transaction from the chain alone, without server or receipt. Throws only if the RPC cannot be reached. */
export async function readTransaction(client: PublicClient, hash: Hex, trusted: Trusted): Promise<TransactionView> {
  const chainId = await client.getChainId();
  const view = { chain_id: chainId, tx_hash: hash, payments: [], other_transfers: 0 };
  const nowhere = { block_number: null, block_hash: null };
  const mined = await minedTransaction(client, hash);
  const sent = await client.getTransaction({ hash }).catch((error: Error) => {
    if (error.name === 'TransactionNotFoundError') return null;
    throw error;
  });
  if (!mined) return { ...view, ...nowhere, state: sent ? 'pending' : 'unknown' };
  const block = { block_number: mined.blockNumber.toString(), block_hash: mined.blockHash };
  if (mined.status !== 'success') return { ...view, ...block, state: 'failed' };
  const transfers = transfersOf(mined);
  const found = [
    ...(await walletPayments(client, mined)),
    ...(await pursePayments(client, mined, sent?.input ?? '0x')),
  ].sort((a, b) => a.log_index - b.log_index);
  const payments: ChainPayment[] = [];
  for (const each of found) payments.push(await withOrganisation(client, each, mined.blockNumber, trusted));
  return { ...view, ...block, state: 'mined', payments, other_transfers: transfers.length - payments.length };
}

type Bare = Omit<ChainPayment, 'organisation' | 'findings' | 'assumed' | 'anchor'>;

const transfersOf = (mined: TransactionReceipt) =>
  parseEventLogs({ abi: usdcAbi, eventName: 'Transfer', logs: mined.logs });

/** The token's next Transfer after a log. */
function transferAfter(mined: TransactionReceipt, token: Address, logIndex: number) {
  return transfersOf(mined).find((log) => log.logIndex > logIndex && isAddressEqual(log.address, token));
}

/** Each PaymentExecuted whose emitter answers as a wallet, with its transfer. Whether the wallet is genuine is checked later. */
async function walletPayments(client: PublicClient, mined: TransactionReceipt): Promise<Bare[]> {
  const found: Bare[] = [];
  for (const { address, args, logIndex } of parseEventLogs({
    abi: agentWalletAbi,
    eventName: 'PaymentExecuted',
    logs: mined.logs,
  })) {
    const account = await accountOf(client, address);
    const moved = account && transferAfter(mined, account.token, logIndex);
    if (!moved || !isAddressEqual(moved.args.from, address) || !isAddressEqual(moved.args.to, args.payee)) continue;
    if (moved.args.value !== args.amount) continue;
    found.push({
      rail: 'wallet',
      wallet: getAddress(address),
      ...account,
      payee: args.payee,
      amount_micro: args.amount.toString(),
      log_index: moved.logIndex,
      payment_key: args.paymentId,
      policy_digest: digestText(args.policyDigest),
      decision_hash: args.decisionHash,
    });
  }
  return found;
}

/** Each AuthorizationUsed of a wallet's own purse. Payment, policy and decision are in the signature inside the calldata. */
async function pursePayments(client: PublicClient, mined: TransactionReceipt, input: Hex): Promise<Bare[]> {
  const found: Bare[] = [];
  for (const { address, args, logIndex } of parseEventLogs({
    abi: usdcAbi,
    eventName: 'AuthorizationUsed',
    logs: mined.logs,
  })) {
    const purse = args.authorizer;
    const wallet = await viewOf(client, { address: purse, abi: x402PurseAbi, functionName: 'wallet' });
    const account = wallet && (await accountOf(client, wallet));
    if (!account || !isAddressEqual(account.purse, purse) || !isAddressEqual(account.token, address)) continue;
    const moved = transferAfter(mined, address, logIndex);
    if (!moved || !isAddressEqual(moved.args.from, purse)) continue;
    const fields: AuthorizationFields | null = authorizationFields(input, args.nonce);
    found.push({
      rail: 'x402',
      wallet,
      ...account,
      payee: moved.args.to,
      amount_micro: moved.args.value.toString(),
      log_index: moved.logIndex,
      payment_key: fields?.paymentId ?? null,
      policy_digest: fields && digestText(fields.policyDigest),
      decision_hash: fields?.decisionHash ?? null,
    });
  }
  return found;
}

async function accountOf(client: PublicClient, wallet: Address): Promise<{ token: Address; purse: Address } | null> {
  const on = { address: wallet, abi: agentWalletAbi } as const;
  const [token, purse] = await Promise.all([
    viewOf(client, { ...on, functionName: 'token' }),
    viewOf(client, { ...on, functionName: 'purse' }),
  ]);
  return token && purse ? { token, purse } : null;
}

async function withOrganisation(
  client: PublicClient,
  payment: Bare,
  blockNumber: bigint,
  trusted: Trusted,
): Promise<ChainPayment> {
  const named = trusted.factory ?? (trusted.organisation && factoryAddress(trusted.organisation));
  const factory = named ?? (await findFactory(client, payment.wallet, blockNumber));
  if (!factory) {
    const assumed = [
      `No genuine factory was found that created ${payment.wallet}, so it may be anybody's contract. Name the organisation with --organisation <address> or --factory <address>.`,
    ];
    return { ...payment, organisation: null, findings: [], assumed, anchor: null };
  }
  const at = { wallet: payment.wallet, factory, blockNumber };
  const { findings, assumed, owner, registry } = await checkOrganisation(client, at, trusted);
  const its = findings.every(({ ok }) => ok);
  const anchor = registry && its ? await firstAnchor(client, registry, blockNumber) : null;
  return { ...payment, organisation: its ? owner : null, findings, assumed, anchor };
}

/** The first head of the log anchored in the payment's block or later. */
async function firstAnchor(
  client: PublicClient,
  registry: Address,
  fromBlock: bigint,
): Promise<ChainPayment['anchor']> {
  if (registry === zeroAddress) return null;
  const [first] = await client
    .getContractEvents({ address: registry, abi: policyRegistryAbi, eventName: 'Anchored', fromBlock })
    .catch(() => []);
  const { size, root, by } = first?.args ?? {};
  if (first === undefined || size === undefined || !root || !by) return null;
  return { size: size.toString(), root, by, block_number: first.blockNumber.toString() };
}

const digestText = (digest: Hex): string => `sha256:${digest.slice(2)}`;
