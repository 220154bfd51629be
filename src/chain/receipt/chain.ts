import {
  type Address,
  type Hex,
  isAddressEqual,
  keccak256,
  type Log,
  type PublicClient,
  parseAbi,
  parseEventLogs,
  type TransactionReceipt,
  toHex,
} from 'viem';
import { agentWalletAbi } from '../contracts/contracts.generated.ts';
import { compared, type Finding, finding } from './finding.ts';
import { nonceOf } from './purseSignature.ts';
import type { Receipt } from './receipt.ts';

export const usdcAbi = parseAbi([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
]);

/** Null if the node does not have it. Throws if the node cannot be reached. */
export async function minedTransaction(client: PublicClient, hash: Hex): Promise<TransactionReceipt | null> {
  return client.getTransactionReceipt({ hash }).catch((error: Error) => {
    if (error.name === 'TransactionReceiptNotFoundError') return null;
    throw error;
  });
}

/** The transaction and its logs; only the finding `chain` or `transaction` if there is nothing to compare with. */
export async function checkChain(receipt: Receipt, client: PublicClient): Promise<Finding[]> {
  const { chain, settlement, payment } = receipt;
  const chainId = await client.getChainId();
  if (chainId !== chain.id) {
    return [finding('chain', false, `the RPC serves chain ${chainId}, the receipt says ${chain.id}`, ['chain.id'])];
  }
  const mined = await minedTransaction(client, settlement.tx_hash as Hex);
  if (!mined) {
    const detail = `${settlement.tx_hash} is not on the chain`;
    return [finding('transaction', false, detail, ['settlement.tx_hash'])];
  }
  const key = keccak256(toHex(payment.id));
  return [
    finding('chain', true, `chain ${chainId}`, ['chain.id']),
    finding('transaction', mined.status === 'success', `${settlement.tx_hash} in block ${mined.blockNumber}`, [
      'settlement.tx_hash',
    ]),
    compared('block', `block ${mined.blockNumber}, ${mined.blockHash}`, 'the chain says', [
      ['settlement.block_hash', settlement.block_hash, mined.blockHash],
      ['settlement.block_number', settlement.block_number, mined.blockNumber.toString()],
    ]),
    finding('payment id', key === payment.chain_key, `${key} is the hash of ${payment.id}`, [
      'payment.id',
      'payment.chain_key',
    ]),
    ...checkLogs(receipt, mined.logs),
  ];
}

/**
 * The log that names payment, policy and decision, and the next Transfer of the token after it: two equal payments in one
 * transaction have one each.
 */
function checkLogs(receipt: Receipt, logs: readonly Log[]): Finding[] {
  const { chain, settlement, payment } = receipt;
  const onWallet = payment.rail === 'wallet';
  const from = onWallet ? chain.wallet : chain.purse;
  const named = onWallet ? executedLog(receipt, logs) : authorizationLog(receipt, logs);
  const transfers = parseEventLogs({ abi: usdcAbi, eventName: 'Transfer', logs: [...logs] }).filter(({ address }) =>
    isAddressEqual(address, chain.token as Address),
  );
  const shown = transfers.find(({ logIndex }) => logIndex === settlement.log_index);
  const next = transfers.find(({ logIndex }) => named !== undefined && logIndex > named.logIndex);
  const [check, detail] = onWallet
    ? ['PaymentExecuted', 'the wallet names this payment, payee, amount, policy digest and decision hash']
    : ['AuthorizationUsed', 'the EIP-3009 nonce is the hash of payment id, policy digest, decision hash and epoch'];
  const carried = [
    'settlement.tx_hash',
    'payment.chain_key',
    'policy_digest',
    'decision_hash',
    'chain.token',
    'payment.rail',
    'payment.epoch',
  ];
  return [
    shown
      ? compared(
          'transfer',
          `log ${settlement.log_index} moves ${payment.amount_micro} micro-USDC from ${from} to ${payment.address}`,
          'the log says',
          [
            [onWallet ? 'chain.wallet' : 'chain.purse', from, shown.args.from],
            ['payment.address', payment.address, shown.args.to],
            ['payment.amount_micro', payment.amount_micro, shown.args.value.toString()],
            ['settlement.log_index', settlement.log_index, next?.logIndex ?? settlement.log_index],
          ],
        )
      : finding('transfer', false, `log ${settlement.log_index} is no Transfer of the token ${chain.token}`, [
          'settlement.log_index',
          'chain.token',
        ]),
    finding(check, named !== undefined, detail, [onWallet ? 'chain.wallet' : 'chain.purse', ...carried]),
  ];
}

const executedLog = (receipt: Receipt, logs: readonly Log[]): { logIndex: number } | undefined =>
  parseEventLogs({ abi: agentWalletAbi, eventName: 'PaymentExecuted', logs: [...logs] }).find(
    ({ address, args }) =>
      receipt.payment.epoch === null &&
      isAddressEqual(address, receipt.chain.wallet as Address) &&
      args.paymentId === receipt.payment.chain_key &&
      isAddressEqual(args.payee, receipt.payment.address as Address) &&
      args.amount.toString() === receipt.payment.amount_micro &&
      args.policyDigest === digestOnChain(receipt) &&
      args.decisionHash === receipt.decision_hash,
  );

function authorizationLog(receipt: Receipt, logs: readonly Log[]): { logIndex: number } | undefined {
  const { epoch } = receipt.payment;
  if (epoch === null) return undefined;
  const nonce = nonceOf({
    paymentId: receipt.payment.chain_key as Hex,
    policyDigest: digestOnChain(receipt),
    decisionHash: receipt.decision_hash as Hex,
    epoch,
  });
  return parseEventLogs({ abi: usdcAbi, eventName: 'AuthorizationUsed', logs: [...logs] }).find(
    ({ address, args }) =>
      isAddressEqual(address, receipt.chain.token as Address) &&
      isAddressEqual(args.authorizer, receipt.chain.purse as Address) &&
      args.nonce === nonce,
  );
}

const digestOnChain = (receipt: Receipt): Hex => `0x${receipt.policy_digest.slice('sha256:'.length)}`;
