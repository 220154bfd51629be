import { type Address, getAddress, type Hex, parseAbiItem, parseEventLogs } from 'viem';
import { isAuthorizationUsed } from '../../chain/contracts/purse.ts';
import { tokenAbi } from '../../chain/contracts/tokenDomain.ts';
import type { Chain } from '../../chain/node/chain.ts';

/** The state of an EIP-3009 authorization on chain. `spent`: used or cancelled, by a log that was not found. */
export type Proof =
  | { state: 'unused' }
  | { state: 'cancelled'; txHash: Hex }
  | { state: 'spent' }
  | {
      state: 'settled';
      txHash: Hex;
      /** Of the Transfer. */
      logIndex: number;
      blockNumber: bigint;
      payTo: Address;
      /** Micro-USDC. */
      value: bigint;
    };

const authorizationUsed = parseAbiItem('event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)');
const authorizationCanceled = parseAbiItem(
  'event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce)',
);

/** The range that most public nodes serve in one request; an authorization lives for minutes. */
const BLOCKS_BACK = 5_000n;

/**
 * Finds out whether an authorization was used, and by which Transfer: USDC logs AuthorizationUsed and directly after it the
 * Transfer. Throws `chain_unavailable`.
 */
export async function prove(chain: Chain, payer: Address, nonce: Hex): Promise<Proof> {
  if (!(await isAuthorizationUsed(chain, payer, nonce))) return { state: 'unused' };
  const [used, cancelled] = await chain.run(async (client) => {
    const head = await client.getBlockNumber();
    const where = {
      address: chain.token,
      args: { authorizer: payer, nonce },
      fromBlock: head > BLOCKS_BACK ? head - BLOCKS_BACK : 0n,
    };
    return Promise.all([
      client.getLogs({ ...where, event: authorizationUsed }),
      client.getLogs({ ...where, event: authorizationCanceled }),
    ]);
  });
  const [log] = used;
  if (!log) return cancelled[0] ? { state: 'cancelled', txHash: cancelled[0].transactionHash } : { state: 'spent' };
  const receipt = await chain.run((client) => client.getTransactionReceipt({ hash: log.transactionHash }));
  const transfer = parseEventLogs({ abi: tokenAbi, eventName: 'Transfer', logs: receipt.logs }).find(
    (each) => each.logIndex === log.logIndex + 1 && getAddress(each.address) === chain.token,
  );
  if (!transfer || transfer.args.from !== payer) return { state: 'spent' };
  return {
    state: 'settled',
    txHash: log.transactionHash,
    logIndex: transfer.logIndex,
    blockNumber: receipt.blockNumber,
    payTo: transfer.args.to,
    value: transfer.args.value,
  };
}
