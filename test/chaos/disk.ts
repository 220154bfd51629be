import { setTimeout as sleep } from 'node:timers/promises';
import { type Payers, startPayers } from './payers.ts';
import { type ChaosOptions, goesOn, type Result, runIn } from './scenario.ts';
import type { ServerProcess } from './serverProcess.ts';
import { type SmallDisk, smallDisk } from './smallDisk.ts';
import { openWorld } from './world.ts';

const MEGABYTES = 96;
const SPARE_BYTES = [0, 0, 4_096, 16_384, 65_536, 262_144];
const FULL_MS = 1_500;
/** In so many times the server also dies, and is started, while the disk is full or cannot be written. */
const [DIES_ONE_IN, READ_ONLY_ONE_IN] = [5, 5];

/** A disk that is full or read-only, and then is not, under load. */
export async function disk(options: ChaosOptions): Promise<Result> {
  const { seed, say } = options;
  const small = await smallDisk(MEGABYTES);
  const world = await openWorld({ seed, folder: small, server: { prefix: small.prefix } });
  const { random } = world;
  const [server] = world.servers;
  if (!server) throw new Error('There is no server.');
  try {
    return await runIn(world, 'disk', seed, async () => {
      const payers = startPayers(world, { clients: 6, pauseMs: 200, doubled: 0.05 });
      const counts = { 'full disks': 0, 'deaths on a full disk': 0, 'read-only starts': 0 };
      const findings: string[] = [];
      const more = goesOn(options);
      while (more(counts['full disks'])) {
        small.fill(random.pick(SPARE_BYTES));
        counts['full disks'] += 1;
        await sleep(random.whole(0, FULL_MS));
        if (random.whole(1, DIES_ONE_IN) === 1) {
          counts['deaths on a full disk'] += 1;
          findings.push(...(await dieOn(server, small)));
        } else small.free();
        if (random.whole(1, READ_ONLY_ONE_IN) === 1) {
          counts['read-only starts'] += 1;
          findings.push(...(await startReadOnly(server, small)));
        }
        await progress(payers);
        if (counts['full disks'] % 10 === 0) say(`${counts['full disks']} full disks, ${payers.answered()} payments`);
      }
      await payers.finish();
      if (!payers.answers.has('507 storage_full')) findings.push('No request met a full disk.');
      return { payers, counts, findings };
    });
  } finally {
    small.free();
    await world.close();
    await small.close();
  }
}

/** Killed on a full disk: it may serve there or say why it cannot, and must serve once there is space. */
async function dieOn(server: ServerProcess, small: SmallDisk): Promise<string[]> {
  await server.kill();
  const started = await server.start();
  small.free();
  if (started === 'serves') return [];
  const findings = saysWhy(started, /storage_full|disk is full|ENOSPC|no space/i);
  return [...findings, ...(await mustServe(server))];
}

async function startReadOnly(server: ServerProcess, small: SmallDisk): Promise<string[]> {
  await server.kill();
  await small.setReadOnly(true);
  const started = await server.start();
  if (started === 'serves') await server.kill();
  await small.setReadOnly(false);
  const findings =
    started === 'serves'
      ? ['It serves on a read-only disk.']
      : saysWhy(started, /storage_read_only|cannot be written|EROFS|read-only/i);
  return [...findings, ...(await mustServe(server))];
}

const saysWhy = (started: Awaited<ReturnType<ServerProcess['start']>>, reason: RegExp): string[] =>
  typeof started === 'object' && !reason.test(started.output)
    ? [`A start failed and does not say why: ${started.output}`]
    : [];

async function mustServe(server: ServerProcess): Promise<string[]> {
  const started = await server.start();
  return started === 'serves' ? [] : [`It does not serve again: ${JSON.stringify(started)}`];
}

/** Until payments are answered again. */
async function progress(payers: Payers): Promise<void> {
  const before = payers.answered();
  while (payers.answered() < before + 10) await sleep(20);
}
