import { Agent, createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startGateway } from '../src/earn/gateway/gateway.ts';
import { parseTable } from '../src/earn/gateway/table.ts';

/** A process of the gateway's bench: `upstream`, or `proxy` or `gateway` before one. Tells its port, ends with `stop`. */
const [role = 'upstream', upstream = ''] = process.argv.slice(2);
const BODY = JSON.stringify({ page: 7, text: 'x'.repeat(500) });

const answer: RequestListener = (request, response) => {
  request.resume();
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': BODY.length });
  response.end(BODY);
};

/** What is left of a reverse proxy when it does nothing but pass on. */
function passOn(to: string): RequestListener {
  const { hostname, port } = new URL(to);
  const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64, scheduling: 'lifo' });
  return (request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    const outgoing = httpRequest({ agent, host: hostname, port, method, path: url, headers }, (from) => {
      response.writeHead(from.statusCode ?? 502, from.rawHeaders);
      from.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    if (method === 'GET') outgoing.end();
    else request.pipe(outgoing);
  };
}

/** Twenty priced routes that a free one is held against. */
const TABLE = `routes:\n${Array.from({ length: 20 }, (_, n) => `  - { match: "POST /v1/job${n}/*", price: "0.01" }\n`).join('')}`;

async function start(): Promise<number> {
  if (role === 'gateway') {
    const table = { ...parseTable(TABLE), upstream };
    const { url } = await startGateway({ table, payTo: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8' });
    return Number(new URL(url).port);
  }
  const server: Server = createServer(role === 'proxy' ? passOn(upstream) : answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

process.on('message', (message) => {
  if (message === 'cpu') process.send?.({ cpuUs: process.cpuUsage().user + process.cpuUsage().system });
  else process.exit(0);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port: await start() });
