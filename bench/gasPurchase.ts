import { type Address, encodeFunctionData, encodePacked, type Hex, parseAbi, parseSignature } from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';
import type { DevTransaction } from '../src/app/local-chain/client.ts';
import type { LocalChain } from '../src/app/local-chain/localChain.ts';
import { x402PurseAbi } from '../src/chain/contracts/contracts.generated.ts';
import { transferWithAuthorizationTypes } from '../src/chain/contracts/purse.ts';

/** The two ways in which a facilitator settles an x402 `exact` payload: a bare key's signature by its parts, a contract's as bytes. */
const settlementAbi = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
]);
const tokenAbi = parseAbi(['function name() view returns (string)', 'function version() view returns (string)']);

export type Purchase = { to: Address; value: bigint; paymentId: Hex; policyDigest: Hex; decisionHash: Hex };
export type Buyer = { local: LocalChain; key: PrivateKeyAccount };

/** The settlement of a purchase by a bare key that holds USDC itself. */
export async function settleFromKey(
  { local, key }: Buyer,
  { to, value, paymentId }: Purchase,
): Promise<DevTransaction> {
  const message = { from: key.address, to, value, validAfter: 0n, validBefore: await soon(local), nonce: paymentId };
  const { r, s, v } = parseSignature(await sign({ local, key }, message));
  const args = [...Object.values(message), Number(v), r, s] as never;
  const data = encodeFunctionData({ abi: settlementAbi, functionName: 'transferWithAuthorization', args });
  return { to: local.usdc.address, data };
}

/** The settlement of the same purchase from a wallet's purse, signed by the wallet's executor. */
export async function settleFromPurse(buyer: Buyer, purse: Address, purchase: Purchase): Promise<DevTransaction> {
  const { local } = buyer;
  const { to, value, paymentId, policyDigest, decisionHash } = purchase;
  const epoch = 0;
  const nonce = await local.client.readContract({
    address: purse,
    abi: x402PurseAbi,
    functionName: 'nonceOf',
    args: [paymentId, policyDigest, decisionHash, epoch],
  });
  const message = { from: purse, to, value, validAfter: 0n, validBefore: await soon(local), nonce };
  const signature = encodePacked(
    ['address', 'uint64', 'uint40', 'uint32', 'bytes32', 'bytes32', 'bytes32', 'bytes'],
    [to, value, Number(message.validBefore), epoch, paymentId, policyDigest, decisionHash, await sign(buyer, message)],
  );
  const args = [...Object.values(message), signature] as never;
  const data = encodeFunctionData({ abi: settlementAbi, functionName: 'transferWithAuthorization', args });
  return { to: local.usdc.address, data };
}

type Message = { from: Address; to: Address; value: bigint; validAfter: bigint; validBefore: bigint; nonce: Hex };

async function sign({ local, key }: Buyer, message: Message): Promise<Hex> {
  const { address } = local.usdc;
  const at = { address, abi: tokenAbi } as const;
  return key.signTypedData({
    domain: {
      name: await local.client.readContract({ ...at, functionName: 'name' }),
      version: await local.client.readContract({ ...at, functionName: 'version' }),
      chainId: local.anvil.chainId,
      verifyingContract: address,
    },
    types: transferWithAuthorizationTypes,
    primaryType: 'TransferWithAuthorization',
    message,
  });
}

async function soon(local: LocalChain): Promise<bigint> {
  return (await local.client.getBlock()).timestamp + 600n;
}
