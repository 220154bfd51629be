import { custom, HttpRequestError, type Transport } from 'viem';
import type { ModelNode, Request } from './chain/node.ts';
import type { Scheduler } from './scheduler.ts';

/** JSON-RPC to a model node as one server sees it: each request waits for its turn, and it or its answer may be lost. */
export function modelTransport(node: ModelNode, scheduler: Scheduler, owner: number): Transport {
  const request = (asked: Request): Promise<unknown> =>
    scheduler.operation({ owner, kind: 'rpc', label: asked.method }, async ({ loses, lie, random }) => {
      if (loses === 'request') throw outage('The node does not answer.');
      const answer = await node.answer(asked, lie, random);
      if (loses === 'answer' || loses === 'effect') throw outage('The connection was lost.');
      return answer;
    });
  return custom({ request }, { retryCount: 0 });
}

const outage = (details: string): HttpRequestError => new HttpRequestError({ url: 'http://model', details });
