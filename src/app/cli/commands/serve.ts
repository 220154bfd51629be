import { Command, Option } from 'commander';
import { type Address, getAddress, isAddress } from 'viem';
import { BursarError } from '../../../core/errors/base.ts';
import { readConfig } from '../../server/config.ts';
import { operatorKeyFile } from '../../server/dataDir.ts';
import type { RemoteChain } from '../../server/initDataDir.ts';
import { examples } from '../operationCommand.ts';
import { isFree } from '../port.ts';
import { type Session, sessionOf } from '../session.ts';
import { onStopSignal } from '../stopping.ts';
import { version } from '../version.ts';
import { buildConsole } from './console.ts';

export function serveCommands(): Command[] {
  return [initCommand(), serveCommand()];
}

type InitFlags = { rpcUrl?: string; chainId?: string; usdc?: string; factory?: string; registry?: string };

function initCommand(): Command {
  const command = new Command('init')
    .description(
      'Make a data directory: keys in an encrypted keystore, and a local chain with USDC and contracts, or the configuration for a real chain. Overwrites nothing.',
    )
    .option('--rpc-url <url>', 'An RPC of a real chain; with it, all of the following')
    .option('--chain-id <number>', 'The id that the RPC must answer with')
    .option('--usdc <address>', "Circle's USDC on that chain")
    .option('--factory <address>', 'AgentWalletFactory on that chain')
    .option(
      '--registry <address>',
      'PolicyRegistry on that chain; `none` where the factory has none (unpinned wallets)',
    )
    .addHelpText(
      'after',
      `${examples([
        'bursar init',
        'BURSAR_PASSPHRASE=... bursar init --rpc-url https://rpc.example --chain-id 84532 --usdc 0x036CbD53842c5426634e7929541eC2318f3dCF7e --factory 0x... --registry 0x...',
      ])}\n\nWithout BURSAR_PASSPHRASE the passphrase lies beside the keystore, in <data directory>/passphrase (mode 0600): fit for test money.`,
    )
    .action(async (flags: InitFlags) => init(sessionOf(command), flags));
  return command;
}

async function init({ dataDir, screen }: Session, flags: InitFlags): Promise<void> {
  const remote = remoteOf(flags);
  const { initDataDir } = await import('../../server/initDataDir.ts');
  const { config, addresses } = await initDataDir({ dir: dataDir.dir, remote, say: (line) => screen.note(line) });
  const needs = (role: string): string =>
    remote === null
      ? 'has gas (local chain)'
      : ({
          executor: 'fund with gas: sends the payments',
          owner: 'fund with gas: activates policies',
          guardian: 'fund with gas: freezes wallets',
          anchorer: 'fund with gas: puts heads of the event log on the chain',
        }[role] ?? 'no funds needed');
  const listed = addresses.map(({ role, address }) => ({ role, address, funds: needs(role) }));
  screen.document({ dataDir: dataDir.dir, chain: config.chain, addresses: listed });
  screen.line(`A data directory in ${dataDir.dir}, for chain ${config.chain.id}${remote ? '' : ' (local)'}.`);
  screen.line();
  screen.table(
    [
      { title: 'role', cell: (row) => row.role },
      { title: 'address', cell: (row) => row.address },
      { title: 'funds', cell: (row) => row.funds },
    ],
    listed,
  );
  screen.line();
  screen.line('Next: bursar serve');
}

function remoteOf(flags: InitFlags): RemoteChain | null {
  const given = Object.values(flags).filter((value) => value !== undefined).length;
  if (given === 0) return null;
  const { rpcUrl, chainId, usdc, factory, registry } = flags;
  if (!rpcUrl || !chainId || !usdc || !factory || !registry) {
    throw new BursarError('invalid_request', {
      message: 'For a real chain say all of --rpc-url, --chain-id, --usdc, --factory and --registry.',
    });
  }
  if (!/^[1-9]\d{0,14}$/.test(chainId))
    throw new BursarError('invalid_request', { message: '--chain-id is not a number.' });
  if (!URL.canParse(rpcUrl)) throw new BursarError('invalid_request', { message: '--rpc-url is not a URL.' });
  return {
    rpcUrl,
    chainId: Number(chainId),
    usdc: address('--usdc', usdc),
    factory: address('--factory', factory),
    registry: registry === 'none' ? null : address('--registry', registry),
  };
}

function address(flag: string, value: string): Address {
  if (isAddress(value, { strict: value !== value.toLowerCase() })) return getAddress(value);
  throw new BursarError('invalid_address', {
    message: `${flag}: "${value}" is not an address with a correct checksum.`,
  });
}

export const PORT = new Option('--port <number>', 'Listen here instead of where the configuration says; 0: a free one');

type ServeFlags = { port?: string; newOperatorKey?: boolean };

function serveCommand(): Command {
  const command = new Command('serve')
    .description(
      'Serve until SIGINT or SIGTERM. A folder without a data directory gets one, on a local chain; a data directory goes on where it stopped.',
    )
    .addOption(PORT)
    .option('--new-operator-key', 'Make another operator key, for when the first is lost')
    .addHelpText('after', examples(['bursar serve', 'bursar serve --data-dir /var/lib/bursar --port 9000']))
    .action(async (flags: ServeFlags) => serve(sessionOf(command), flags));
  return command;
}

async function serve({ dataDir, screen }: Session, flags: ServeFlags): Promise<void> {
  const port = portOf(flags.port);
  const { host, port: configured } = readConfig(dataDir)?.server ?? { host: '127.0.0.1', port: 8402 };
  const wanted = port ?? configured;
  const stopping = onStopSignal((line) => screen.note(line));
  const { launch } = await import('../../server/localLaunch.ts');
  const { readRunning } = await import('../../server/running.ts');
  if (readRunning(dataDir) === null && !(await isFree(host, wanted))) {
    throw new BursarError('port_taken', {
      message: `Port ${wanted} is taken by another program; --port 0 picks a free one.`,
    });
  }
  const launched = await launch({
    dir: dataDir.dir,
    port,
    version,
    say: (line) => screen.note(line),
    newOperatorKey: flags.newOperatorKey ?? false,
  });
  screen.document({
    url: launched.url,
    openapi: `${launched.url}/openapi.json`,
    dataDir: dataDir.dir,
    operator_key_file: operatorKeyFile(dataDir),
  });
  if (launched.operatorKey) {
    screen.line(`A new operator key is in ${operatorKeyFile(dataDir)} (mode 0600), where this CLI finds it.`);
  }
  screen.line(
    `Bursar serves on ${launched.url} (chain ${launched.config.chain.id}, data directory ${dataDir.dir}). Ctrl-C stops it.`,
  );
  void buildConsole(screen);
  await stopping.asked;
  await launched.stop();
  screen.note('Stopped.');
}

/** Null if the flag is absent. */
export function portOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new BursarError('invalid_request', { message: `--port: "${text}" is not a port.` });
}
