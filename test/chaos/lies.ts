import { keccak256 } from 'viem';
import type { Lie, RpcRequest } from '../../src/app/local-chain/lyingRpc.ts';
import { rpc } from './chainFacts.ts';
import type { Random } from './random.ts';

/** Answers instead of the node. `pass` is the truth. */
export type Liar = (request: RpcRequest) => Lie | Promise<Lie>;
type Answers = Record<string, Lie | Liar>;
type Log = { address: string; data: string; blockHash: string; logIndex: string };
type Receipt = { logs: Log[]; status: string };
type Block = Record<string, unknown>;

const byMethod =
  (answers: Answers): Liar =>
  (request) => {
    const told = answers[request.method] ?? 'pass';
    return typeof told === 'function' ? told(request) : told;
  };
const failing = (code: number, message: string): Lie => ({ error: { code, message } });
const noSuchMethod = failing(-32_601, 'the method does not exist');
const logs = (change: (logs: Log[]) => Log[]): Lie => ({ edit: (given: never) => change(given as Log[]) });
const receipt = (change: (receipt: Receipt) => Receipt): Lie => ({
  edit: (given: never) => given && change(given as Receipt),
});
const receipts = (change: (receipt: Receipt) => Receipt): Lie => ({
  edit: (given: never) => given && (given as Receipt[]).map(change),
});
const block = (change: (block: Block) => Block): Lie => ({ edit: (given: never) => given && change(given as Block) });
const blockAt =
  (tags: readonly string[], change: (block: Block) => Block): Liar =>
  ({ params }) =>
    tags.includes(String(params[0])) ? block(change) : 'pass';
const noReceipts: Answers = { eth_getBlockReceipts: noSuchMethod, eth_getTransactionReceipt: { result: null } };
const unseal = (given: Block): Block => ({ ...given, slotNumber: '0x1' });
const count = (change: (nonce: number) => number): Lie => ({
  edit: (given: never) => `0x${Math.max(0, change(Number(given))).toString(16)}`,
});
const FAR = '0x3b9aca00';
/** The truth, from a node that did something else besides. */
const truth: Lie = { edit: (answer) => answer };

/** Every lie, by what the node does. `url`: the real node, for lies that tell it something first. */
export function liesOf(url: string, random: Random): Record<string, Liar> {
  const older = async ({ params }: RpcRequest, back: number): Promise<Lie> => {
    if (params[0] !== 'latest') return 'pass';
    const head = Number(await rpc<string>(url, 'eth_blockNumber'));
    return { result: await rpc(url, 'eth_getBlockByNumber', [`0x${Math.max(0, head - back).toString(16)}`, false]) };
  };
  const sent = async ({ params }: RpcRequest): Promise<unknown> =>
    rpc(url, 'eth_sendRawTransaction', params).catch(() => undefined);
  return {
    'never answers': () => 'hang',
    'cuts every connection': () => 'drop',
    'fails at everything': () => failing(-32_603, 'internal error'),
    'refuses as too many requests': () => failing(-32_005, 'limit exceeded'),
    'answers null to everything': () => ({ result: null }),
    'answers text to everything': () => ({ result: 'a page of HTML' }),
    'fails now and then': () => random.pick<Lie>(['pass', 'pass', 'drop', failing(-32_603, 'internal error')]),
    'is slow': async (): Promise<Lie> => {
      await new Promise((resolve) => setTimeout(resolve, random.whole(100, 700)));
      return truth;
    },
    'is another chain': byMethod({ eth_chainId: { result: '0x1' }, net_version: { result: '1' } }),

    'gives no logs': byMethod({ eth_getLogs: { result: [] } }),
    'gives no logs and no receipts': byMethod({ eth_getLogs: { result: [] }, ...noReceipts }),
    'gives no logs, also in receipts': byMethod({
      eth_getLogs: { result: [] },
      eth_getBlockReceipts: receipts((each) => ({ ...each, logs: [] })),
      eth_getTransactionReceipt: receipt((each) => ({ ...each, logs: [] })),
    }),
    'gives no logs, and headers with an empty bloom': byMethod({
      eth_getLogs: { result: [] },
      ...noReceipts,
      eth_getBlockByNumber: block((each) => ({ ...each, logsBloom: `0x${'00'.repeat(256)}` })),
    }),
    'gives no logs, and headers that nobody can check': byMethod({
      eth_getLogs: { result: [] },
      ...noReceipts,
      eth_getBlockByNumber: block(unseal),
    }),
    'leaves the last log out': byMethod({ eth_getLogs: logs((all) => all.slice(0, -1)), ...noReceipts }),
    'leaves a transfer out': byMethod({ eth_getLogs: logs((all) => all.filter((_, at) => at !== 1)), ...noReceipts }),
    'tells a log again under another index': byMethod({
      eth_getLogs: logs((all) => [...all, ...all.slice(-1).map((log) => ({ ...log, logIndex: '0x63' }))]),
      ...noReceipts,
    }),
    'tells logs twice in the same place': byMethod({ eth_getLogs: logs((all) => [...all, ...all]) }),
    'tells other amounts': byMethod({
      eth_getLogs: logs((all) => all.map((log) => ({ ...log, data: log.data.replace(/.$/, '7') }))),
      ...noReceipts,
    }),
    'tells logs of another contract': byMethod({
      eth_getLogs: logs((all) => all.map((log) => ({ ...log, address: `0x${'fa'.repeat(20)}` }))),
      ...noReceipts,
    }),
    'tells logs of another block': byMethod({
      eth_getLogs: logs((all) => all.map((log) => ({ ...log, blockHash: `0x${'99'.repeat(32)}` }))),
      ...noReceipts,
    }),
    'tells of success as a revert': byMethod({
      eth_getBlockReceipts: receipts((each) => ({ ...each, status: '0x0', logs: each.logs.slice(0, 1) })),
      eth_getTransactionReceipt: receipt((each) => ({ ...each, status: '0x0', logs: [] })),
    }),
    'knows no receipt': byMethod({
      eth_getTransactionReceipt: { result: null },
      eth_getBlockReceipts: { result: null },
    }),

    'announces a head that it does not have': byMethod({
      eth_getBlockByNumber: ({ params }) => (params[0] === 'latest' ? 'pass' : { result: null }),
    }),
    'has no newest block': byMethod({ eth_getBlockByNumber: { result: null } }),
    'is some blocks behind': byMethod({ eth_getBlockByNumber: (request) => older(request, 3) }),
    'is behind now and then': byMethod({ eth_getBlockByNumber: (request) => older(request, random.whole(0, 4)) }),
    'has a head millions of blocks ahead': byMethod({
      eth_getBlockByNumber: blockAt(['latest', 'finalized'], (each) => ({ ...each, number: FAR })),
    }),
    'has a head millions of blocks ahead that nobody can check': byMethod({
      eth_getBlockByNumber: blockAt(['latest', 'finalized'], (each) => ({ ...unseal(each), number: FAR })),
    }),
    'has headers of next century': byMethod({
      eth_getBlockByNumber: block((each) => ({ ...each, timestamp: '0x1e8480000' })),
    }),
    'has headers of 1970 that nobody can check': byMethod({
      eth_getBlockByNumber: block((each) => ({ ...unseal(each), timestamp: '0x1' })),
    }),
    'has forgotten the state': byMethod({ eth_call: failing(-32_000, 'missing trie node') }),
    'says that every call returns nothing': byMethod({ eth_call: { result: '0x' } }),
    'says that every call returns zero': byMethod({ eth_call: { result: `0x${'00'.repeat(32)}` } }),

    'says that nonces are higher': byMethod({ eth_getTransactionCount: count((nonce) => nonce + 5) }),
    'says that nonces are far higher': byMethod({ eth_getTransactionCount: count((nonce) => nonce + 1_000_000) }),
    'says that no nonce was used': byMethod({ eth_getTransactionCount: { result: '0x0' } }),
    'accepts transactions and drops them': byMethod({
      eth_sendRawTransaction: ({ params }) => ({ result: keccak256(params[0] as `0x${string}`) }),
    }),
    'accepts transactions and says that it failed': byMethod({
      eth_sendRawTransaction: async (request): Promise<Lie> => {
        await sent(request);
        return failing(-32_603, 'internal error');
      },
    }),
    'accepts transactions and cuts the connection': byMethod({
      eth_sendRawTransaction: async (request): Promise<Lie> => {
        await sent(request);
        return 'drop';
      },
    }),
    'accepts transactions twice': byMethod({
      eth_sendRawTransaction: async (request): Promise<Lie> => {
        await sent(request);
        return truth;
      },
    }),
    'says of new transactions that they are known': byMethod({
      eth_sendRawTransaction: failing(-32_000, 'already known'),
    }),
    'says of new transactions that the nonce is used': byMethod({
      eth_sendRawTransaction: failing(-32_000, 'nonce too low'),
    }),
    'says of new transactions that they are underpriced': byMethod({
      eth_sendRawTransaction: failing(-32_000, 'replacement transaction underpriced'),
    }),
    'says that there is no gas': byMethod({
      eth_sendRawTransaction: failing(-32_000, 'insufficient funds for gas * price + value'),
      eth_getBalance: { result: '0x0' },
    }),
    'says that every transaction reverts': byMethod({ eth_estimateGas: failing(3, 'execution reverted') }),
    'asks for enormous fees': byMethod({
      eth_gasPrice: { result: '0xde0b6b3a7640000' },
      eth_maxPriorityFeePerGas: { result: '0xde0b6b3a7640000' },
    }),
  };
}
