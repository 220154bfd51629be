import {
  type Address,
  createPublicClient,
  encodeAbiParameters,
  getAddress,
  type Hex,
  http,
  isAddressEqual,
  keccak256,
  type Log,
  type PublicClient,
  parseAbi,
  parseEventLogs,
  toHex,
  zeroAddress,
} from 'viem';
import { agentWalletAbi, agentWalletFactoryAbi } from '../wallet/contracts.generated.ts';
import { checkDecisions } from './decisions.ts';
import { type Finding, finding } from './finding.ts';
import { Receipt } from './receipt.ts';
import { checkApprovals, checkMandate } from './signatures.ts';

export type Verification = { ok: boolean; payment: string; findings: Finding[] };

const usdcAbi = parseAbi([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
]);

/**
 * Checks a receipt against the chain and against itself, trusting no server: the policy inside is run again on the recorded
 * input, and what it said is compared with what the chain carries. Throws only when the RPC cannot be reached.
 */
export async function verifyReceipt(input: unknown, rpcUrl: string): Promise<Verification> {
  const parsed = Receipt.safeParse(input);
  if (!parsed.success) {
    const detail = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    return { ok: false, payment: '?', findings: [{ check: 'form', ok: false, detail }] };
  }
  const receipt = parsed.data;
  const client = createPublicClient({ transport: http(rpcUrl) });
  const findings = [
    ...(await checkDecisions(receipt)),
    ...checkInput(receipt),
    ...(await checkChain(receipt, client)),
    ...(await checkApprovals(receipt, client)),
    ...(await checkMandate(receipt, client)),
  ];
  return { ok: findings.every((finding) => finding.ok), payment: receipt.payment.id, findings };
}

/** The documents must speak of this payment, not of a harmless other one. */
function checkInput(receipt: Receipt): Finding[] {
  return receipt.decisions.map((decision, index) => {
    let same = false;
    try {
      const input = JSON.parse(decision.input) as {
        payment?: { amount?: number; kind?: string; network?: string };
        destination?: { address?: string };
        agent?: { id?: string };
      };
      // Of a key written twice, another reader may take the other value.
      same =
        JSON.stringify(input) === decision.input &&
        String(input.payment?.amount) === receipt.payment.amount_micro &&
        input.payment?.kind === receipt.payment.kind &&
        input.payment?.network === `eip155:${receipt.chain.id}` &&
        input.destination?.address === receipt.payment.address &&
        input.agent?.id === receipt.payment.agent;
    } catch {
      same = false;
    }
    return finding(
      `decision ${index + 1}: subject`,
      same,
      'the input has this amount, kind, network, address and agent',
    );
  });
}

async function checkChain(receipt: Receipt, client: PublicClient): Promise<Finding[]> {
  const { chain, settlement, payment } = receipt;
  const chainId = await client.getChainId();
  if (chainId !== chain.id)
    return [finding('chain', false, `the RPC serves chain ${chainId}, the receipt says ${chain.id}`)];
  const mined = await client.getTransactionReceipt({ hash: settlement.tx_hash as Hex }).catch((error: Error) => {
    if (error.name === 'TransactionReceiptNotFoundError') return null;
    throw error;
  });
  if (!mined) return [finding('transaction', false, `${settlement.tx_hash} is not on the chain`)];
  const key = keccak256(toHex(payment.id));
  return [
    finding('chain', true, `chain ${chainId}`),
    finding('transaction', mined.status === 'success', `${settlement.tx_hash} in block ${mined.blockNumber}`),
    finding(
      'block',
      mined.blockHash === settlement.block_hash && mined.blockNumber.toString() === settlement.block_number,
      `block ${mined.blockHash}`,
    ),
    finding('payment id', key === payment.chain_key, `${key} is the hash of ${payment.id}`),
    transferFinding(receipt, mined.logs),
    payment.rail === 'wallet' ? executedFinding(receipt, mined.logs) : authorizationFinding(receipt, mined.logs),
    await walletFinding(receipt, client),
    await registryFinding(receipt, client),
    await originFinding(receipt, client, mined.blockNumber),
  ];
}

function transferFinding(receipt: Receipt, logs: readonly Log[]): Finding {
  const { chain, settlement, payment } = receipt;
  const from = payment.rail === 'wallet' ? chain.wallet : chain.purse;
  const transfer = parseEventLogs({ abi: usdcAbi, eventName: 'Transfer', logs: [...logs] }).find(
    (log) => log.logIndex === settlement.log_index,
  );
  const ok =
    transfer !== undefined &&
    isAddressEqual(transfer.address, chain.token as Address) &&
    isAddressEqual(transfer.args.from, from as Address) &&
    isAddressEqual(transfer.args.to, payment.address as Address) &&
    transfer.args.value.toString() === payment.amount_micro;
  return finding(
    'transfer',
    ok,
    `log ${settlement.log_index} moves ${payment.amount_micro} micro-USDC from ${from} to ${payment.address}`,
  );
}

function executedFinding(receipt: Receipt, logs: readonly Log[]): Finding {
  const { chain, payment } = receipt;
  const ok = parseEventLogs({ abi: agentWalletAbi, eventName: 'PaymentExecuted', logs: [...logs] }).some(
    ({ address, args }) =>
      isAddressEqual(address, chain.wallet as Address) &&
      args.paymentId === payment.chain_key &&
      isAddressEqual(args.payee, payment.address as Address) &&
      isAddressEqual(args.token, chain.token as Address) &&
      args.amount.toString() === payment.amount_micro &&
      args.policyDigest === digestOnChain(receipt) &&
      args.decisionHash === receipt.decision_hash,
  );
  return finding('PaymentExecuted', ok, 'the wallet names this payment, policy digest and decision hash');
}

function authorizationFinding(receipt: Receipt, logs: readonly Log[]): Finding {
  const nonce = keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'bytes32' }, { type: 'bytes32' }],
      [receipt.payment.chain_key as Hex, digestOnChain(receipt), receipt.decision_hash as Hex],
    ),
  );
  const ok = parseEventLogs({ abi: usdcAbi, eventName: 'AuthorizationUsed', logs: [...logs] }).some(
    (log) =>
      isAddressEqual(log.address, receipt.chain.token as Address) &&
      isAddressEqual(log.args.authorizer, receipt.chain.purse as Address) &&
      log.args.nonce === nonce,
  );
  return finding(
    'AuthorizationUsed',
    ok,
    'the EIP-3009 nonce is the hash of payment id, policy digest and decision hash',
  );
}

/** Logs of another token or another purse than the wallet's own say nothing: anybody can emit them. */
async function walletFinding(receipt: Receipt, client: PublicClient): Promise<Finding> {
  const { wallet, token, purse } = receipt.chain;
  const read = (functionName: 'token' | 'purse') =>
    client.readContract({ address: getAddress(wallet), abi: agentWalletAbi, functionName }).catch(() => null);
  const [itsToken, itsPurse] = await Promise.all([read('token'), read('purse')]);
  const same = (its: Address | null, said: string): boolean => its !== null && isAddressEqual(its, said as Address);
  return finding(
    'token and purse',
    same(itsToken, token) && same(itsPurse, purse),
    `${wallet} pays in ${itsToken ?? 'nothing'} and has the purse ${itsPurse ?? 'none'}`,
  );
}

/** A pinned wallet and its purse refuse every digest that the registry does not have active: the log itself is the proof. */
async function registryFinding(receipt: Receipt, client: PublicClient): Promise<Finding> {
  const registry = await client
    .readContract({ address: getAddress(receipt.chain.wallet), abi: agentWalletAbi, functionName: 'registry' })
    .catch(() => null);
  if (registry === null) return finding('registry', false, `${receipt.chain.wallet} is no AgentWallet`);
  return registry === zeroAddress
    ? finding('registry', true, "unpinned wallet: the digest is the executor's claim")
    : finding('registry', true, `the wallet takes only policies that ${registry} has active`);
}

/** That the wallet and its purse are the factory's own, so that their logs mean what they say. */
async function originFinding(receipt: Receipt, client: PublicClient, blockNumber: bigint): Promise<Finding> {
  const { factory, wallet, purse } = receipt.chain;
  const name = 'wallet origin';
  const made = await client
    .getContractEvents({
      address: getAddress(factory),
      abi: agentWalletFactoryAbi,
      eventName: 'WalletCreated',
      args: { wallet: getAddress(wallet), purse: getAddress(purse) },
      fromBlock: 0n,
      toBlock: blockNumber,
    })
    .catch(() => null);
  if (made === null) {
    return finding(name, true, `NOT checked, the node refuses to search: see that ${factory} made ${wallet}`);
  }
  return finding(
    name,
    made.length === 1,
    `made by the factory ${factory}: compare it with the one your organisation names`,
  );
}

const digestOnChain = (receipt: Receipt): Hex => `0x${receipt.policy_digest.slice('sha256:'.length)}`;
