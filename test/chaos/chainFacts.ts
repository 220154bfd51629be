/** Reads the chain by raw JSON-RPC, with nothing of Bursar's own code: what this file says is compared with what Bursar says. */
export type ChainTransfer = { from: string; to: string; micro: bigint; transaction: string; logIndex: number };

/** keccak256("Transfer(address,address,uint256)") */
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
/** balanceOf(address) */
const BALANCE_OF = '0x70a08231';
const BLOCKS_AT_ONCE = 2_000;

type RawLog = { topics: string[]; data: string; transactionHash: string; logIndex: string };

export async function rpc<T>(url: string, method: string, params: readonly unknown[] = []): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const answer = (await response.json()) as { result?: T; error?: { message: string } };
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result as T;
}

export const blockNumber = async (url: string): Promise<number> => Number(await rpc<string>(url, 'eth_blockNumber'));

/** Every USDC transfer that left one of these addresses, in lower case. */
export async function transfersFrom(url: string, token: string, senders: readonly string[]): Promise<ChainTransfer[]> {
  const last = await blockNumber(url);
  const found: ChainTransfer[] = [];
  for (let first = 0; first <= last; first += BLOCKS_AT_ONCE) {
    const logs = await rpc<RawLog[]>(url, 'eth_getLogs', [
      {
        address: token,
        topics: [TRANSFER, senders.map(topicOf)],
        fromBlock: `0x${first.toString(16)}`,
        toBlock: `0x${Math.min(last, first + BLOCKS_AT_ONCE - 1).toString(16)}`,
      },
    ]);
    for (const { topics, data, transactionHash, logIndex } of logs) {
      found.push({
        from: addressIn(topics[1]),
        to: addressIn(topics[2]),
        micro: BigInt(data),
        transaction: transactionHash,
        logIndex: Number(logIndex),
      });
    }
  }
  return found;
}

export async function usdcOf(url: string, token: string, holder: string): Promise<bigint> {
  const data = `${BALANCE_OF}${topicOf(holder).slice(2)}`;
  return BigInt(await rpc<string>(url, 'eth_call', [{ to: token, data }, 'latest']));
}

const topicOf = (address: string): string => `0x${address.slice(2).toLowerCase().padStart(64, '0')}`;
const addressIn = (topic = ''): string => `0x${topic.slice(-40)}`;
