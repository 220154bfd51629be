import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Abi, type Address, concatHex, encodeDeployData, encodeFunctionData, type Hex } from 'viem';
import {
  entryPoint08Abi,
  getUserOperationHash,
  toPackedUserOperation,
  type UserOperation,
} from 'viem/account-abstraction';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { type DevTransaction, sendInOrder } from '../src/app/local-chain/client.ts';
import type { LocalChain } from '../src/app/local-chain/localChain.ts';
import { microUsdc } from '../src/core/money/microUsdc.ts';
import { deploySafe } from '../test/support/safe.ts';

type Payer = Parameters<typeof sendInOrder>[1];
type Owned = { owner: PrivateKeyAccount; address: Address; initCode: Hex };
export type Peers = { local: LocalChain; payer: Payer; transfers: readonly DevTransaction[] };

const BUNDLE = 10;
/** Enough for each phase of an operation; what is not used costs nothing here. */
const GAS = 200_000n;
const COINS = 10n ** 18n;

const artifact = (name: string): { abi: Abi; bytecode: Hex } =>
  JSON.parse(
    readFileSync(
      createRequire(import.meta.url).resolve(`@account-abstraction/contracts/artifacts/${name}.json`),
      'utf8',
    ),
  ) as { abi: Abi; bytecode: Hex };

/**
 * Gas of a USDC transfer by a UserOperation: ERC-4337 v0.8 EntryPoint and SimpleAccount, with the code that npm ships. The accounts
 * exist, hold USDC and an ETH deposit, and have sent before; the bundler pays nothing else. One a transaction, and each of ten.
 */
export async function userOperationGas({
  local,
  payer,
  transfers,
}: Peers): Promise<{ single: number; bundled: number }> {
  const { client } = local;
  const entryPoint = await deploy(local, payer, encodeDeployData(artifact('EntryPoint')));
  const factoryArtifact = artifact('SimpleAccountFactory');
  const factory = await deploy(local, payer, encodeDeployData({ ...factoryArtifact, args: [entryPoint] }));
  const owners = Array.from({ length: BUNDLE }, () => privateKeyToAccount(generatePrivateKey()));
  const accounts: Owned[] = [];
  for (const owner of owners) {
    const args = [owner.address, 0n] as const;
    const at = { address: factory, abi: factoryArtifact.abi, args } as const;
    const address = (await client.readContract({ ...at, functionName: 'getAddress' })) as Address;
    const create = encodeFunctionData({ abi: factoryArtifact.abi, functionName: 'createAccount', args });
    accounts.push({ owner, address, initCode: concatHex([factory, create]) });
  }
  for (const { address } of accounts) await local.mint(address, microUsdc(1_000_000_000n));
  const deposits = accounts.map(({ address }) => ({
    to: entryPoint,
    value: COINS,
    data: encodeFunctionData({ abi: entryPoint08Abi, functionName: 'depositTo', args: [address] }),
  }));
  await sendInOrder(client, payer, deposits);

  let turn = 0;
  const bundle = async (senders: readonly Owned[], first: boolean): Promise<number> => {
    const operations = await Promise.all(
      senders.map(async ({ owner, address: sender, initCode }) => {
        const transfer = transfers[turn++ % transfers.length] as Required<DevTransaction>;
        const key = {
          address: entryPoint,
          abi: entryPoint08Abi,
          functionName: 'getNonce',
          args: [sender, 0n],
        } as const;
        const nonce = await client.readContract(key);
        const execute = {
          abi: artifact('SimpleAccount').abi,
          functionName: 'execute',
          args: [transfer.to, 0n, transfer.data],
        };
        const operation: UserOperation<'0.8'> = {
          sender,
          nonce,
          callData: encodeFunctionData(execute),
          callGasLimit: GAS,
          verificationGasLimit: first ? 5n * GAS : GAS,
          preVerificationGas: 50_000n,
          maxFeePerGas: 2_000_000_000n,
          maxPriorityFeePerGas: 1_000_000n,
          signature: '0x',
          ...(first && { factory, factoryData: `0x${initCode.slice(42)}` as Hex }),
        };
        const at = { chainId: local.anvil.chainId, entryPointAddress: entryPoint, entryPointVersion: '0.8' } as const;
        const signature = await owner.sign({ hash: getUserOperationHash({ ...at, userOperation: operation }) });
        return toPackedUserOperation({ ...operation, signature });
      }),
    );
    const args = [operations, payer.address] as const;
    const data = encodeFunctionData({ abi: entryPoint08Abi, functionName: 'handleOps', args });
    const [hash] = await sendInOrder(client, payer, [{ to: entryPoint, data }]);
    const receipt = await client.getTransactionReceipt({ hash: hash as Hex });
    // Each operation: its own event, and the token's.
    const moved = receipt.logs.filter(({ address }) => address.toLowerCase() === local.usdc.address.toLowerCase());
    if (moved.length !== senders.length) throw new Error('Not every operation of the bundle moved USDC.');
    return Number(receipt.gasUsed);
  };
  for (const one of accounts) await bundle([one], true);
  const single = await bundle(accounts.slice(0, 1), false);
  const bundled = (await bundle(accounts, false)) / BUNDLE;
  return { single, bundled };
}

/** Gas of a USDC transfer by `execTransaction` of a Safe 1.5.0 with one owner, from npm's artifacts; it has sent before. */
export async function safeGas({ local, payer, transfers }: Peers): Promise<number> {
  const owner = privateKeyToAccount(generatePrivateKey());
  const safe = await deploySafe(local.client, payer, [owner], 1);
  await local.mint(safe.address, microUsdc(1_000_000_000n));
  for (const transfer of transfers.slice(0, 2)) await safe.exec(transfer as Required<DevTransaction>, owner);
  const { transactions } = await local.client.getBlock();
  const { gasUsed } = await local.client.getTransactionReceipt({ hash: transactions[0] as Hex });
  return Number(gasUsed);
}

async function deploy(local: LocalChain, payer: Payer, data: Hex): Promise<Address> {
  const [hash] = await sendInOrder(local.client, payer, [{ data }]);
  const { contractAddress } = await local.client.getTransactionReceipt({ hash: hash as Hex });
  if (!contractAddress) throw new Error('A peer was not deployed.');
  return contractAddress;
}
