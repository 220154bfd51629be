import { connect, type Socket } from 'node:net';

/** What one round asks of the client process. */
export type Round = {
  port: number;
  connections: number;
  seconds: number;
  /** Makes idempotency keys new in each round. */
  round: number;
  keys: string[];
  payees: string[];
};
/** What it found. `cpuShare` below 1 says that the client did not hold the server up. */
export type RoundResult = { requests: number; perSecond: number; cpuShare: number; p50Ms: number; p99Ms: number };

/**
 * A process of its own (`fork`). Plain sockets: an HTTP library would cost more than the server that it asks, and then measure
 * itself.
 */
process.on('message', (round: Round) => {
  run(round).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});

async function run(round: Round): Promise<RoundResult> {
  const latencies: number[] = [];
  const sockets = await Promise.all(Array.from({ length: round.connections }, () => open(round.port)));
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const endsAt = startedAt + round.seconds * 1_000;
  let next = 0;
  await Promise.all(sockets.map(serveOne));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(before);
  for (const socket of sockets) socket.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(share * latencies.length)] ?? Number.NaN;
  return {
    requests: latencies.length,
    perSecond: latencies.length / seconds,
    cpuShare: (user + system) / 1_000_000 / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };

  /** One request in flight a connection, the next when its answer is whole. */
  function serveOne(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      let sentAt = 0;
      let received = '';
      const send = (): void => {
        sentAt = performance.now();
        if (sentAt >= endsAt) {
          resolve();
          return;
        }
        socket.write(requestOf(round, next));
        next += 1;
      };
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('The server closed a connection.')));
      socket.on('data', (part: string) => {
        received += part;
        if (!isWhole(received)) return;
        if (!/^HTTP\/1\.1 20[01] /.test(received) || received.includes('"denied"')) {
          reject(new Error(received.slice(0, 1_000)));
          return;
        }
        latencies.push(performance.now() - sentAt);
        received = '';
        send();
      });
      send();
    });
  }
}

/** Whether the head and as many bytes as it promises are there; both servers promise, and one answer comes at a time. */
function isWhole(received: string): boolean {
  const bodyAt = received.indexOf('\r\n\r\n');
  if (bodyAt < 0) return false;
  const length = /content-length: (\d+)/i.exec(received)?.[1];
  if (length === undefined) throw new Error(`No content-length in: ${received.slice(0, 200)}`);
  return received.length >= bodyAt + 4 + Number(length);
}

/** Read as Latin-1, so that characters are bytes. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1');
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

function requestOf({ keys, payees, round, port }: Round, n: number): string {
  const key = keys[n % keys.length] ?? '';
  const value = `${n % 5}.${String(1 + (n % 99)).padStart(2, '0')}`;
  const run = n % 2 === 0 ? { workflow: 'digitise', run: `run-${round}` } : {};
  const body = JSON.stringify({
    amount: { value, currency: 'USDC' },
    payee: payees[(n * 7) % payees.length],
    memo: `page ${n} of the archive`,
    ...run,
  });
  const head = [
    'POST /v1/payments HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${key}`,
    `Idempotency-Key: bench-http-${round}-${n}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
