import { x402Facilitator } from '@x402/core/facilitator';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { ExactEvmScheme } from '@x402/evm/exact/facilitator';
import {
  createWalletClient,
  defineChain,
  http,
  nonceManager,
  type PrivateKeyAccount,
  publicActions,
  type TypedDataDefinition,
} from 'viem';

/** The official x402 facilitator, unmodified. `sender` sends the settlements and pays their gas. */
export function officialFacilitator(
  sender: PrivateKeyAccount,
  { chainId, rpcUrl }: { chainId: number; rpcUrl: string },
): x402Facilitator {
  const network = `eip155:${chainId}` as const;
  const chain = defineChain({
    id: chainId,
    name: network,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
  // Without a nonce manager, settlements of concurrent buyers take the same nonce.
  const account = { ...sender, nonceManager };
  const client = createWalletClient({ account, chain, transport: http(rpcUrl), pollingInterval: 50 }).extend(
    publicActions,
  );
  const signer = toFacilitatorEvmSigner({
    address: account.address,
    readContract: (args) => client.readContract({ ...args, args: args.args ?? [] }),
    verifyTypedData: ({ address, signature, ...typedData }) => {
      const definition: TypedDataDefinition = typedData as TypedDataDefinition;
      return client.verifyTypedData({ address, signature, ...definition });
    },
    writeContract: (args) => client.writeContract({ ...args, args: [...args.args] }),
    sendTransaction: (args) => client.sendTransaction(args),
    waitForTransactionReceipt: (args) => client.waitForTransactionReceipt(args),
    getCode: (args) => client.getCode(args),
  });
  return new x402Facilitator().register(network, new ExactEvmScheme(signer));
}
