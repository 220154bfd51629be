import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Figure, median, type Say } from './figure.ts';

const ROUNDS = 7;
const CONNECTIONS = 32;
const MS = 1_500;

/**
 * Requests a second that the gateway passes through on a route without a price, against a reverse proxy that does nothing
 * else: same upstream, same client, each server in a process of its own. Rounds alternate.
 */
export async function gateway(say: Say): Promise<Figure[]> {
  const children: ChildProcess[] = [];
  const start = async (...args: string[]): Promise<{ child: ChildProcess; port: number }> => {
    const child = fork(fileURLToPath(new URL('./gatewayServer.ts', import.meta.url)), args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    children.push(child);
    const [message] = (await once(child, 'message')) as [{ port: number }];
    return { child, port: message.port };
  };
  try {
    const upstream = `http://127.0.0.1:${(await start('upstream')).port}`;
    const proxy = await start('proxy', upstream);
    const ours = await start('gateway', upstream);
    const measure = async ({ child, port }: { child: ChildProcess; port: number }) => {
      const before = await cpuUs(child);
      const requests = await load(port);
      return { perSecond: (requests / MS) * 1_000, cpuUs: ((await cpuUs(child)) - before) / requests };
    };
    const rounds: { bare: Awaited<ReturnType<typeof measure>>; gate: Awaited<ReturnType<typeof measure>> }[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const bare = await measure(proxy);
      const gate = await measure(ours);
      // The first round warms the servers up.
      if (round === 0) continue;
      say(`round ${round}: gateway ${gate.perSecond.toFixed(0)}/s, bare proxy ${bare.perSecond.toFixed(0)}/s`);
      rounds.push({ bare, gate });
    }
    return [
      {
        figure: 'gateway_over_proxy',
        ratio: median(rounds.map(({ bare, gate }) => gate.perSecond / bare.perSecond)),
        goal: '>=0.7',
        numbers: {
          gateway_per_s: median(rounds.map(({ gate }) => gate.perSecond)),
          proxy_per_s: median(rounds.map(({ bare }) => bare.perSecond)),
          gateway_cpu_us: median(rounds.map(({ gate }) => gate.cpuUs)),
          proxy_cpu_us: median(rounds.map(({ bare }) => bare.cpuUs)),
          connections: CONNECTIONS,
        },
      },
    ];
  } finally {
    for (const child of children) child.kill();
  }
}

const REQUEST = Buffer.from(
  [
    'GET /v1/pages/7?size=large HTTP/1.1',
    'host: api.example',
    'user-agent: bench',
    'accept: application/json',
    'accept-encoding: gzip, br',
    'authorization: Bearer 0123456789abcdef',
    '',
    '',
  ].join('\r\n'),
);
const END = Buffer.from('"}');

/** Each connection asks again as soon as it has its answer. Gives the answers that came within the time. */
async function load(port: number): Promise<number> {
  let answers = 0;
  const until = performance.now() + MS;
  await Promise.all(
    Array.from(
      { length: CONNECTIONS },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => socket.write(REQUEST));
          socket.setNoDelay(true);
          socket.on('data', (chunk: Buffer) => {
            // The body ends so, and no answer comes before its request.
            if (!chunk.subarray(-2).equals(END)) return;
            answers += 1;
            if (performance.now() < until) socket.write(REQUEST);
            else socket.end();
          });
          socket.once('error', reject);
          socket.once('close', () => resolve());
        }),
    ),
  );
  return answers;
}

async function cpuUs(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [message] = (await once(child, 'message')) as [{ cpuUs: number }];
  return message.cpuUs;
}
