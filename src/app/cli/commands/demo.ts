import { relative } from 'node:path';
import { Command } from 'commander';
import { getAddress, type Hex, type TypedDataDefinition } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { type Client, createClient } from '../../../api/client/client.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { parsePositiveUsdc } from '../../../core/money/microUsdc.ts';
import type { DemoLine, DemoResult } from '../../demo/scenario.ts';
import { readConfig } from '../../server/config.ts';
import { operatorKeyFile } from '../../server/dataDir.ts';
import type { Launched } from '../../server/localLaunch.ts';
import type { LocalPostgres } from '../../server/localPostgres.ts';
import { readRunning } from '../../server/running.ts';
import { demoLines, showDemoTable } from '../demoTable.ts';
import { EXIT } from '../exit.ts';
import { examples, finish } from '../operationCommand.ts';
import { isFree } from '../port.ts';
import { readKey, type Session, sessionOf } from '../session.ts';
import { onStopSignal } from '../stopping.ts';
import { at, text } from '../values.ts';
import { version } from '../version.ts';
import { buildConsole } from './console.ts';
import { PORT, portOf } from './serve.ts';

type Flags = { serve?: boolean; port?: string; postgres?: boolean };

export function demoCommand(): Command {
  const command = new Command('demo')
    .description(
      'Play a scenario on a local chain: an agent buys from another over x402, pays, is denied, goes through review, makes twenty payments at once, and the ledger agrees with the chain. Exits with 0 only if every step had the expected result.',
    )
    .option('--serve', 'Then keep serving, until SIGINT or SIGTERM')
    .addOption(PORT)
    .option('--postgres', 'On PostgreSQL, started in the data directory, in place of SQLite')
    .addHelpText(
      'after',
      examples(['bursar demo', 'bursar demo --serve', 'bursar demo --data-dir another-folder --json']),
    )
    .action(async (flags: Flags) => demo(sessionOf(command), flags));
  return command;
}

async function demo(session: Session, flags: Flags): Promise<void> {
  const { dataDir, screen } = session;
  const stopping = onStopSignal((line) => screen.note(line));
  const say = (line: string): void => screen.line(`${seconds(performance.now()).padStart(8)}  ${line}`);
  const port = await choosePort(session, portOf(flags.port));
  const { launch } = await import('../../server/localLaunch.ts');
  const postgres = flags.postgres ? await localPostgres(session, say) : null;
  const launching = launch({
    dir: dataDir.dir,
    port,
    version,
    say,
    ...(postgres ? { databaseUrl: postgres.url } : {}),
  });
  const launched = await launching.catch(async (error: unknown) => {
    await postgres?.stop();
    throw error;
  });
  try {
    say(`Bursar serves on ${launched.url}, chain ${launched.config.chain.id}`);
    const played = await Promise.race([play(launched, readKey(dataDir), say), stopping.asked.then(() => null)]);
    if (played === null) return finish(EXIT.refused);
    await report(session, launched, played, flags.serve === true);
    if (!played.result.ok) finish(EXIT.refused);
    if (flags.serve) await stopping.asked;
  } finally {
    await launched.stop();
    await postgres?.stop();
  }
  if (flags.serve) screen.note('Stopped.');
}

async function localPostgres({ dataDir }: Session, say: (line: string) => void): Promise<LocalPostgres> {
  const { startLocalPostgres } = await import('../../server/localPostgres.ts');
  return await startLocalPostgres(dataDir, say);
}

/** The configured port, or a free one where another program uses it. `launch` reports a server on the same data directory. */
async function choosePort({ dataDir, screen }: Session, asked: number | null): Promise<number | null> {
  const { host, port } = readConfig(dataDir)?.server ?? { host: '127.0.0.1', port: 8402 };
  if (readRunning(dataDir) !== null || (await isFree(host, asked ?? port))) return asked;
  if (asked !== null) throw new BursarError('port_taken', { message: `Port ${asked} is in use by another program.` });
  screen.note(`Port ${port} is in use by another program; using a free one.`);
  return 0;
}

type Played = { result: DemoResult; lines: DemoLine[]; gas: Map<string, bigint>; firstSettledMs: number };

/** Plays the scenario on a server in this process. Tests of the console use the data that it leaves. */
export async function play(launched: Launched, operatorKey: string, say: (line: string) => void): Promise<Played> {
  const { keys, local, url, rpcUrl, config } = launched;
  if (!local)
    throw new BursarError('not_configured', {
      message: 'The demo needs a local chain; this data directory is for another chain.',
    });
  const [{ accountOf }, { playDemo }, { startSeller }, { fundFromTreasury }, { startGateway }, { parseTable }] =
    await Promise.all([
      import('../../server/dataDirKeys.ts'),
      import('../../demo/play.ts'),
      import('../../demo/seller.ts'),
      import('../../demo/treasury.ts'),
      import('../../../earn/gateway/gateway.ts'),
      import('../../../earn/gateway/table.ts'),
    ]);
  const operator = createClient(url, operatorKey);
  const treasury = await accountOf(keys, 'treasury');
  // This key pays the gas of the seller's settlements. Only this process knows it, and it is not needed afterwards.
  const facilitator = privateKeyToAccount(generatePrivateKey());
  await local.fundGas([facilitator.address]);
  const usdc = config.chain.usdc;
  const startedAt = performance.now();
  const result = await playDemo({
    operator,
    clientFor: (key) => createClient(url, key),
    fund: (to, amount) =>
      fundFromTreasury(local.client, { usdc, treasury, to: getAddress(to), amount: parsePositiveUsdc(amount) }),
    gatewayFor: (payTo, upstream, price) =>
      startGateway({ table: { ...parseTable(JSON.stringify({ price })), upstream, bursar: url }, payTo }),
    sellerFor: (payTo) =>
      startSeller({
        rpcUrl,
        chainId: config.chain.id,
        usdc,
        payTo: getAddress(payTo),
        priceMicro: '250000',
        facilitator,
      }),
    treasury: treasury.address,
    approver: {
      address: await keys.address('approver'),
      sign: (typedData) => keys.signTypedData('approver', typedData as TypedDataDefinition),
    },
    say,
  });
  const lines = await demoLines(operator, result.lines);
  return { result, lines, gas: await gasOf(launched, lines), firstSettledMs: startedAt + result.firstSettledMs };
}

/** The gas used by transactions that other senders sent; Bursar records only its own. */
async function gasOf({ local }: Launched, lines: readonly DemoLine[]): Promise<Map<string, bigint>> {
  const gas = new Map<string, bigint>();
  for (const { payment } of lines) {
    const hash = at(payment, 'settlement.tx_hash');
    if (typeof hash !== 'string' || at(payment, 'settlement.gas_used') !== null || !local) continue;
    gas.set(hash, (await local.client.getTransactionReceipt({ hash: hash as Hex })).gasUsed);
  }
  return gas;
}

async function report(session: Session, launched: Launched, played: Played, serving: boolean): Promise<void> {
  const { screen, dataDir } = session;
  const { result, lines, firstSettledMs } = played;
  screen.document({
    ok: result.ok,
    problems: result.problems,
    first_settled_seconds: firstSettledMs / 1000,
    url: launched.url,
    payments: lines,
  });
  screen.line();
  showDemoTable(screen, lines, (hash) => played.gas.get(hash));
  screen.line();
  screen.line(`First settled payment ${seconds(firstSettledMs)} after the start.`);
  for (const problem of result.problems) screen.line(screen.paint(`FAIL ${problem}`, 'red'));
  screen.line(
    result.ok
      ? screen.paint('Every step had the expected result, and the ledger agrees with the chain.', 'green')
      : screen.paint('The demo did NOT have the expected result.', 'red'),
  );
  if (serving) await whereToGo(session, launched, createClient(launched.url, readKey(dataDir)), lines);
}

async function whereToGo(
  { screen, dataDir }: Session,
  launched: Launched,
  operator: Client,
  lines: readonly DemoLine[],
): Promise<void> {
  const reviews = (await operator.call('list_reviews')).payments as Record<string, unknown>[];
  const settled = lines.find(({ payment }) => payment.rail === 'x402')?.payment;
  const run = 'npm run -s bursar --';
  const keyFile = relative(process.cwd(), operatorKeyFile(dataDir));
  screen.line();
  screen.line(`Console  ${launched.url}   Sign in: ${run} console`);
  void buildConsole(screen);
  screen.line(`API      ${launched.url}/v1   OpenAPI  ${launched.url}/openapi.json`);
  screen.line(`Key      in ${keyFile} (the operator's, mode 0600)`);
  screen.line();
  screen.line('In another terminal:');
  for (const command of [
    'payments',
    ...(reviews[0] ? [`approve ${text(reviews[0].id)}`] : []),
    ...(settled ? [`verify ${text(at(settled, 'settlement.tx_hash'))}`] : []),
    'ledger check',
    'events --follow',
    '--help',
  ]) {
    screen.line(`  ${run} ${command}`);
  }
  screen.line(`  curl -H "Authorization: Bearer $(cat ${keyFile})" ${launched.url}/v1/payments`);
  screen.line();
  screen.line('Ctrl-C stops the server; the next start continues with the same data.');
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
