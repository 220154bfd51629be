import {
  type Address,
  concatHex,
  encodeFunctionData,
  erc20Abi,
  type Hex,
  keccak256,
  parseEventLogs,
  toHex,
  zeroAddress,
  zeroHash,
} from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { sendInOrder } from '../../src/app/local-chain/client.ts';
import { createWalletCall } from '../../src/chain/contracts/agentWallet.ts';
import { agentWalletAbi, agentWalletFactoryAbi } from '../../src/chain/contracts/contracts.generated.ts';
import { CREATE2_DEPLOYER, factoryAddress, factoryCreationCode } from '../../src/chain/contracts/factoryAddress.ts';
import type { WalletConfig } from '../../src/chain/contracts/walletConfig.ts';
import type { Receipt } from '../../src/chain/receipt/receipt.ts';
import { sha256 } from '../../src/core/ids/digest.ts';
import { newId } from '../../src/core/ids/ids.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import { decisionHashOf } from '../../src/decide/policy/decision.ts';
import { replay } from '../../src/decide/policy/replay.ts';
import type { TestServer } from './testServer.ts';

export type Forger = { account: PrivateKeyAccount; config: WalletConfig };

/** Somebody with gas and no key of the organisation, who would be owner and executor of a wallet of its own. */
export async function forger(server: TestServer): Promise<Forger> {
  const account = privateKeyToAccount(generatePrivateKey());
  await server.local.fundGas([account.address]);
  const config: WalletConfig = {
    owner: privateKeyToAccount(generatePrivateKey()).address,
    guardian: zeroAddress,
    executor: account.address,
    approvers: [],
    threshold: 0,
    perPayment: microUsdc(1_000_000_000n),
    perPeriod: microUsdc(1_000_000_000n),
    periodSeconds: 86_400,
    validUntil: Number(2n ** 40n - 1n),
    raiseDelay: 0,
    allowListOn: false,
    allowList: [],
    salt: zeroHash,
  };
  return { account, config };
}

/** The genuine factory code, owned by the forger, on a registry that it may or may not own. */
export async function ownFactory(server: TestServer, { account }: Forger, registry: Address): Promise<Address> {
  const factory = factoryAddress(account.address);
  const data = concatHex([zeroHash, factoryCreationCode(account.address)]);
  const args = [server.local.usdc.address, registry] as const;
  await sendInOrder(server.local.client, account, [
    { to: CREATE2_DEPLOYER, data },
    {
      to: factory,
      data: encodeFunctionData({ abi: agentWalletFactoryAbi, functionName: 'configure', args }),
    },
  ]);
  return factory;
}

export async function walletOf(
  server: TestServer,
  { account, config }: Forger,
  factory: Address,
): Promise<{ wallet: Address; purse: Address }> {
  const [hash = '0x'] = await sendInOrder(server.local.client, account, [createWalletCall(factory, config)]);
  const { logs } = await server.local.client.getTransactionReceipt({ hash });
  const [made] = parseEventLogs({ abi: agentWalletFactoryAbi, eventName: 'WalletCreated', logs });
  if (!made) throw new Error('No wallet was made.');
  return { wallet: made.args.wallet, purse: made.args.purse };
}

/** Pays itself from that wallet, and makes the receipt of it: a genuine one's input, edited until the policy allows it. */
export async function forgedReceipt(
  server: TestServer,
  { account }: Forger,
  genuine: Receipt,
  its: { wallet: Address; purse: Address; factory: Address },
): Promise<Receipt> {
  const [decision] = genuine.decisions;
  if (!decision) throw new Error('The receipt has no decision.');
  const input = JSON.parse(decision.input);
  input.agent.wallet = its.wallet;
  input.destination.address = account.address;
  const text = JSON.stringify(input);
  const again = await replay(genuine.bundles[genuine.policy_digest] ?? '', text);
  if (again.decision.effect !== 'allow') throw new Error('The policy does not allow it.');
  const hash = decisionHashOf(again.digest, sha256(text), again.resultHash);
  const id = newId('payment');
  const chain_key = keccak256(toHex(id));
  const amount = BigInt(genuine.payment.amount_micro);
  const { local } = server;
  await local.mint(its.wallet, microUsdc(amount));
  const digest: Hex = `0x${genuine.policy_digest.slice('sha256:'.length)}`;
  const args = [chain_key, account.address, amount, 0n, digest, hash] as const;
  const [tx_hash = '0x'] = await sendInOrder(local.client, account, [
    { to: its.wallet, data: encodeFunctionData({ abi: agentWalletAbi, functionName: 'pay', args }) },
  ]);
  const mined = await local.client.getTransactionReceipt({ hash: tx_hash });
  const [transfer] = parseEventLogs({ abi: erc20Abi, eventName: 'Transfer', logs: mined.logs });
  return {
    ...genuine,
    payment: { ...genuine.payment, id, chain_key, address: account.address },
    chain: { ...genuine.chain, ...its },
    settlement: {
      tx_hash,
      log_index: transfer?.logIndex ?? 0,
      block_hash: mined.blockHash,
      block_number: mined.blockNumber.toString(),
    },
    decision_hash: hash,
    decisions: [{ ...decision, hash, input: text, result: again.resultText }],
  };
}
