import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Figure, median, type Say } from './figure.ts';
import type { Round, RoundResult } from './httpClient.ts';
import type { Listening } from './httpServer.ts';
import { inTemporaryFolder } from './world.ts';

const ROUNDS = 7;
const CONNECTIONS = 64;
const SECONDS = 2;
/** Until the compilers have done their work on the whole of the path. */
const WARM_UP_SECONDS = 10;
const ROUND_LIMIT_MS = 120_000;

/**
 * `POST /v1/payments` through the whole server against a bare Hono server that answers JSON and does nothing: the same client
 * and the same bytes, each server in a process of its own. Rounds alternate.
 */
export async function http(say: Say): Promise<Figure[]> {
  return await inTemporaryFolder(async (folder) => {
    const children: ChildProcess[] = [];
    const start = (file: string, ...args: string[]): ChildProcess => {
      const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      children.push(child);
      return child;
    };
    try {
      const servers = [
        start('./httpServer.ts', join(folder, 'bench.sqlite')),
        start('./httpServer.ts', 'noop'),
      ] as const;
      const [ours, bare] = await Promise.all([answer<Listening>(servers[0]), answer<Listening>(servers[1])]);
      const client = start('./httpClient.ts');
      const { keys, payees } = ours;
      const ask = async (server: ChildProcess, port: number, round: number): Promise<Asked> => {
        const before = await cpuUs(server);
        const seconds = round === 0 ? WARM_UP_SECONDS : SECONDS;
        client.send({ port, connections: CONNECTIONS, seconds, round, keys, payees } satisfies Round);
        const result = await answer<RoundResult>(client);
        return { ...result, cpuUs: ((await cpuUs(server)) - before) / result.requests };
      };
      const rounds: { gate: Asked; noop: Asked }[] = [];
      for (let round = 0; round <= ROUNDS; round += 1) {
        const noop = await ask(servers[1], bare.port, round);
        const gate = await ask(servers[0], ours.port, round);
        // The first round warms the servers up.
        if (round === 0) continue;
        say(`round ${round}: gate ${gate.perSecond.toFixed(0)}/s, no-op ${noop.perSecond.toFixed(0)}/s`);
        rounds.push({ gate, noop });
      }
      for (const server of servers) server.send('stop');
      client.disconnect();
      return [
        {
          figure: 'gate_over_noop_http',
          ratio: median(rounds.map(({ gate, noop }) => gate.perSecond / noop.perSecond)),
          goal: '>=0.14',
          numbers: {
            gate_per_s: median(rounds.map(({ gate }) => gate.perSecond)),
            noop_per_s: median(rounds.map(({ noop }) => noop.perSecond)),
            gate_p50_ms: median(rounds.map(({ gate }) => gate.p50Ms)),
            gate_p99_ms: median(rounds.map(({ gate }) => gate.p99Ms)),
            noop_p50_ms: median(rounds.map(({ noop }) => noop.p50Ms)),
            client_cpu_share_at_noop: median(rounds.map(({ noop }) => noop.cpuShare)),
            gate_server_cpu_us: median(rounds.map(({ gate }) => gate.cpuUs)),
            noop_server_cpu_us: median(rounds.map(({ noop }) => noop.cpuUs)),
            connections: CONNECTIONS,
            seconds_per_round: SECONDS,
          },
        },
      ];
    } finally {
      await Promise.all(children.map(end));
    }
  });
}

type Asked = RoundResult & {
  /** The server's own CPU time for one request: unlike the rate, it does not change with who else uses the machine. */
  cpuUs: number;
};

async function cpuUs(server: ChildProcess): Promise<number> {
  server.send('cpu');
  return await answer<number>(server);
}

/** The child's next message. Throws when it ends without one. */
async function answer<T>(child: ChildProcess): Promise<T> {
  const settled = new AbortController();
  const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(ROUND_LIMIT_MS)]);
  const message = once(child, 'message', { signal }).then(([value]) => value as T);
  const gone = once(child, 'exit', { signal }).then((): T => {
    throw new Error('A process of the bench ended early.');
  });
  try {
    return await Promise.race([message, gone]);
  } finally {
    settled.abort();
    await Promise.allSettled([message, gone]);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  if (child.connected) child.disconnect();
  child.kill('SIGTERM');
  await over;
  clearTimeout(timer);
}
