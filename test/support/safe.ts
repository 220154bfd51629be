import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  type Abi,
  type Account,
  type Address,
  concatHex,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeDeployData,
  encodeFunctionData,
  type Hex,
  parseAbi,
  zeroAddress,
} from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';
import { type DevClient, sendInOrder } from '../../src/app/local-chain/client.ts';

const abi = parseAbi([
  'function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver)',
  'function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce) returns (address)',
  'function swapOwner(address prevOwner, address oldOwner, address newOwner)',
  'function nonce() view returns (uint256)',
  'function getTransactionHash(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) view returns (bytes32)',
  'function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool)',
]);
const modules = createRequire(import.meta.url);
const artifact = (path: string): { abi: Abi; bytecode: Hex } =>
  JSON.parse(
    readFileSync(modules.resolve(`@safe-global/safe-smart-account/build/artifacts/contracts/${path}.json`), 'utf8'),
  ) as { abi: Abi; bytecode: Hex };

/** The head of a Safe's linked list of owners. */
const SENTINEL: Address = '0x0000000000000000000000000000000000000001';

export type Safe = {
  address: Address;
  /** The owners' signatures over a digest, as the Safe takes them by ERC-1271. */
  sign(digest: Hex, ...owners: PrivateKeyAccount[]): Promise<Hex>;
  /** Sends a call as the Safe. */
  exec(call: { to: Address; data: Hex }, ...owners: PrivateKeyAccount[]): Promise<void>;
  /** Takes the first owner out and another in. */
  swapFirst(before: PrivateKeyAccount, after: Address): Promise<void>;
};

/** A Safe 1.5.0 of its own: the real singleton behind the real proxy, with the fallback handler that answers ERC-1271. */
export async function deploySafe(
  client: DevClient,
  payer: Account,
  owners: readonly PrivateKeyAccount[],
  threshold: number,
): Promise<Safe> {
  const deploy = async (path: string): Promise<Address> => {
    const [hash] = await sendInOrder(client, payer, [{ data: encodeDeployData(artifact(path)) }]);
    const { contractAddress } = await client.getTransactionReceipt({ hash: hash as Hex });
    if (!contractAddress) throw new Error(`${path} was not deployed.`);
    return contractAddress;
  };
  const singleton = await deploy('Safe.sol/Safe');
  const handler = await deploy('handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler');
  const factory = await deploy('proxies/SafeProxyFactory.sol/SafeProxyFactory');
  const setup = encodeFunctionData({
    abi,
    functionName: 'setup',
    args: [
      owners.map(({ address }) => address),
      BigInt(threshold),
      ...([zeroAddress, '0x', handler, zeroAddress, 0n, zeroAddress] as const),
    ],
  });
  const create = encodeFunctionData({ abi, functionName: 'createProxyWithNonce', args: [singleton, setup, 1n] });
  const { data = '0x' } = await client.call({ account: payer, to: factory, data: create });
  const address = decodeFunctionResult({ abi, functionName: 'createProxyWithNonce', data });
  await sendInOrder(client, payer, [{ to: factory, data: create }]);

  const together = async (signing: readonly PrivateKeyAccount[], sign: (one: PrivateKeyAccount) => Promise<Hex>) => {
    const inOrder = [...signing].sort((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1));
    return concatHex(await Promise.all(inOrder.map(sign)));
  };
  const exec: Safe['exec'] = async ({ to, data: inner }, ...signing) => {
    const nonce = await client.readContract({ address, abi, functionName: 'nonce' });
    const terms = [to, 0n, inner, 0, 0n, 0n, 0n, zeroAddress, zeroAddress] as const;
    const functionName = 'getTransactionHash';
    const hash = await client.readContract({ address, abi, functionName, args: [...terms, nonce] });
    const signatures = await together(signing, (one) => one.sign({ hash }));
    const args = [...terms, signatures] as const;
    await sendInOrder(client, payer, [
      { to: address, data: encodeFunctionData({ abi, functionName: 'execTransaction', args }) },
    ]);
  };
  return {
    address,
    exec,
    sign: (digest, ...signing) => {
      const message = encodeAbiParameters([{ type: 'bytes32' }], [digest]);
      const domain = { chainId: client.chain.id, verifyingContract: address };
      const types = { SafeMessage: [{ name: 'message', type: 'bytes' }] } as const;
      return together(signing, (one) =>
        one.signTypedData({ domain, types, primaryType: 'SafeMessage', message: { message } }),
      );
    },
    swapFirst: (before, after) => {
      const args = [SENTINEL, before.address, after] as const;
      return exec({ to: address, data: encodeFunctionData({ abi, functionName: 'swapOwner', args }) }, before);
    },
  };
}
