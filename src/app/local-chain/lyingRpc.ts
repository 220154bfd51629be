import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type RpcRequest = { id: number; method: string; params: unknown[] };
/** `pass`: ask the real node. `hang`: never answer. `drop`: cut the connection. `edit`: the real answer, changed. */
export type Lie =
  | 'pass'
  | 'hang'
  | 'drop'
  | { result: unknown }
  | { error: { code: number; message: string } }
  | { edit: (result: never) => unknown };

export type LyingRpc = {
  readonly url: string;
  /** Every requested method so far, in order. */
  readonly asked: string[];
  /** Sets how each request from now on is answered. */
  tell(lie: (request: RpcRequest) => Lie | Promise<Lie>): void;
  stop(): Promise<void>;
};

/** A JSON-RPC proxy in front of a real node that fails or lies on demand: for tests with a bad RPC. */
export async function startLyingRpc(target: string): Promise<LyingRpc> {
  let lie: (request: RpcRequest) => Lie | Promise<Lie> = () => 'pass';
  const asked: string[] = [];
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    const body = JSON.parse(text) as RpcRequest | RpcRequest[];
    const requests = Array.isArray(body) ? body : [body];
    const answers: unknown[] = [];
    for (const request of requests) {
      asked.push(request.method);
      const told = await lie(request);
      if (told === 'hang') return;
      if (told === 'drop') {
        incoming.socket.destroy();
        return;
      }
      answers.push(await answerOf(told, target, request));
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    tell: (next) => {
      lie = next;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answerOf(told: Exclude<Lie, 'hang' | 'drop'>, target: string, request: RpcRequest): Promise<unknown> {
  if (told === 'pass') return forward(target, request);
  if (!('edit' in told)) return { jsonrpc: '2.0', id: request.id, ...told };
  const answer = (await forward(target, request)) as { result?: unknown };
  return 'result' in answer ? { ...answer, result: told.edit(answer.result as never) } : answer;
}

async function forward(target: string, request: RpcRequest): Promise<unknown> {
  const response = await fetch(target, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', ...request }),
  });
  return response.json();
}
