import {
  type Address,
  BaseError,
  createPublicClient,
  defineChain,
  HttpRequestError,
  http,
  LimitExceededRpcError,
  type PublicClient,
  ResourceUnavailableRpcError,
  SocketClosedError,
  TimeoutError,
  type Transport,
  type Chain as ViemChain,
} from 'viem';
import { BursarError } from '../../core/errors/base.ts';

export type ChainConfig = {
  chainId: number;
  rpcUrl: string;
  /** USDC on that chain. */
  token: Address;
  /** Timeout of one request in ms. Default 5,000. */
  timeoutMs?: number;
  /** Default: HTTP to the URL. A simulation has a node in memory. */
  transport?: Transport;
};

export type ChainClient = PublicClient<Transport, ViemChain>;

/** One configured chain. */
export interface Chain {
  readonly chainId: number;
  readonly token: Address;
  /**
   * Runs reads against the chain after its id was checked (once, and again after each connection failure). Calls in one turn of the
   * event loop travel as one JSON-RPC batch. Throws `chain_unavailable` (down, slow, no JSON-RPC), `chain_mismatch` (another id);
   * other errors, such as reverts, pass unchanged.
   */
  run<T>(read: (client: ChainClient) => Promise<T>): Promise<T>;
}

const TIMEOUT_MS = 5_000;
/** Public RPCs refuse batches above 100 or so. */
const BATCH_MAX = 50;

export function openChain(config: ChainConfig): Chain {
  const { chainId, token } = config;
  // The URL may contain an API key, so only its host is ever shown.
  const host = new URL(config.rpcUrl).host;
  const client: ChainClient = createPublicClient({
    chain: defineChain({
      id: chainId,
      name: `eip155:${chainId}`,
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [config.rpcUrl] } },
    }),
    // No retries here: the callers are loops that ask again, and a slow RPC must not be slowed further.
    transport:
      config.transport ??
      http(config.rpcUrl, {
        timeout: config.timeoutMs ?? TIMEOUT_MS,
        retryCount: 0,
        batch: { batchSize: BATCH_MAX },
      }),
    pollingInterval: 500,
    cacheTime: 0,
  });
  let verified: Promise<void> | null = null;
  const unavailable = () =>
    new BursarError('chain_unavailable', { message: `The RPC at ${host} does not answer as one.` });

  async function verify(): Promise<void> {
    // If even this simple request fails, the node is unavailable.
    const actual = await client.getChainId().catch(() => {
      throw unavailable();
    });
    if (actual === chainId) return;
    throw new BursarError('chain_mismatch', {
      message: `The RPC at ${host} serves chain ${actual}, not ${chainId}.`,
      details: { expected: chainId, actual },
    });
  }

  return {
    chainId,
    token,
    run: async (read) => {
      try {
        verified ??= verify();
        await verified;
        return await read(client);
      } catch (error) {
        if (error instanceof BursarError) {
          if (error.code === 'chain_mismatch' || error.code === 'chain_unavailable') verified = null;
          throw error;
        }
        if (!isUnreachable(error)) throw error;
        verified = null;
        throw unavailable();
      }
    },
  };
}

/**
 * Tells whether an address is a contract now, such as a Safe. A key that delegates to one (EIP-7702) still sends by itself. Throws
 * `chain_unavailable`.
 */
export async function isContract(chain: Chain, address: Address): Promise<boolean> {
  const code = await chain.run((client) => client.getCode({ address }));
  return code !== undefined && !code.startsWith('0xef0100');
}

/** The transport failed, or the server is no working JSON-RPC node. The cause is dropped because it quotes the URL and the body. */
function isUnreachable(error: unknown): boolean {
  // viem 2 throws these when an answer has another shape than the method's.
  if (error instanceof SyntaxError || error instanceof TypeError) return true;
  if (!(error instanceof BaseError)) return false;
  return (
    error.walk(
      (cause) =>
        cause instanceof HttpRequestError ||
        cause instanceof TimeoutError ||
        cause instanceof SocketClosedError ||
        cause instanceof LimitExceededRpcError ||
        cause instanceof ResourceUnavailableRpcError ||
        // viem 2 throws these when the answer to a batch is no list.
        cause instanceof SyntaxError ||
        cause instanceof TypeError,
    ) !== null
  );
}
