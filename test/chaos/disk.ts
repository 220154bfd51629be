import { setTimeout as sleep } from 'node:timers/promises';
import { type Payers, startPayers } from './payers.ts';
import { type ChaosOptions, type Done, goesOn, type Scenario } from './scenario.ts';
import type { ServerProcess } from './serverProcess.ts';
import type { SmallDisk } from './smallDisk.ts';
import type { World } from './world.ts';

const SPARE_BYTES = [0, 0, 4_096, 16_384, 65_536, 262_144];
const FULL_MS = 1_500;
/** In so many times the server also dies, and is started, while the disk is full or cannot be written. */
const [DIES_ONE_IN, READ_ONLY_ONE_IN] = [5, 5];

/** A disk that is full or read-only, and then is not, under load. */
export const disk: Scenario = { name: 'disk', needs: () => ({ onSmallDisk: true }), faults };

async function faults(world: World, options: ChaosOptions): Promise<Done> {
  const { random, server, smallDisk } = world;
  if (!smallDisk) throw new Error('There is no small disk.');
  const payers = startPayers(world, { name: 'disk', clients: 6, pauseMs: 200, doubled: 0.05 });
  const counts = { 'full disks': 0, 'deaths on a full disk': 0, 'starts on a read-only disk': 0 };
  const findings: string[] = [];
  const more = goesOn(options);
  while (more(counts['full disks'])) {
    smallDisk.fill(counts['full disks'] === 0 ? 0 : random.pick(SPARE_BYTES));
    counts['full disks'] += 1;
    if (counts['full disks'] === 1) await refusal(payers);
    else await sleep(random.whole(0, FULL_MS));
    if (random.whole(1, DIES_ONE_IN) === 1) {
      counts['deaths on a full disk'] += 1;
      findings.push(...(await dieOn(server, smallDisk)));
    } else smallDisk.free();
    if (random.whole(1, READ_ONLY_ONE_IN) === 1) {
      counts['starts on a read-only disk'] += 1;
      findings.push(...(await startReadOnly(server, smallDisk)));
    }
    await progress(payers);
    if (counts['full disks'] % 10 === 0)
      options.say(`${counts['full disks']} full disks, ${payers.answered()} payments`);
  }
  await payers.finish();
  return { payers, counts, findings };
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

/** Until a request was refused for want of space: a full disk must show. */
async function refusal({ answers }: Payers): Promise<void> {
  while (!answers.has('507 storage_full')) await sleep(20);
}
