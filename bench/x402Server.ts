import type { Address } from 'viem';
import { microUsdc } from '../src/core/money/microUsdc.ts';
import { startTestServer } from '../test/support/testServer.ts';

/** What the buyers and the seller need to know. */
export type Opened = {
  url: string;
  rpcUrl: string;
  chainId: number;
  usdc: Address;
  operatorKey: string;
  agentKey: string;
};

// A Bursar in a process of its own, as people run it. Arguments: who gets gas for settlements, who gets USDC on a bare key.
const [facilitator, bare] = process.argv.slice(2) as [Address, Address];
const server = await startTestServer();
const { local, url, operatorKey } = server;
await local.fundGas([facilitator]);
await local.mint(bare, microUsdc(10_000_000n));
const { key: agentKey } = await server.agent('bench', '10');
const { chainId, url: rpcUrl } = local.anvil;
process.send?.({
  url,
  rpcUrl,
  chainId,
  usdc: local.usdc.address,
  operatorKey: operatorKey ?? '',
  agentKey,
} satisfies Opened);
process.once('message', () => {
  void server.end().then(() => process.disconnect());
});
