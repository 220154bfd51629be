import type {
  Abi,
  Address,
  ContractFunctionArgs,
  ContractFunctionName,
  ContractFunctionReturnType,
  PublicClient,
} from 'viem';

/** The RPC cannot be reached or is no RPC; a contract's refusal is a different case. */
export function isOutage(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (/HttpRequestError|TimeoutError|SocketClosed|SyntaxError/.test(at.name)) return true;
  }
  return false;
}

/** Reads a view of a contract; null if there is no such contract or it refuses. Throws if the node cannot be reached. */
export async function viewOf<
  const A extends Abi,
  N extends ContractFunctionName<A, 'view' | 'pure'>,
  const P extends ContractFunctionArgs<A, 'view' | 'pure', N>,
>(
  client: PublicClient,
  call: { address: Address; abi: A; functionName: N; args?: P; blockNumber?: bigint },
): Promise<ContractFunctionReturnType<A, 'view' | 'pure', N, P> | null> {
  try {
    return (await client.readContract(call as never)) as ContractFunctionReturnType<A, 'view' | 'pure', N, P>;
  } catch (error) {
    if (isOutage(error)) throw error;
    return null;
  }
}
