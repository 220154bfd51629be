import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Client, createClient } from '../../api/client/client.ts';
import { readEnvironment } from '../../core/environment/environment.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type DataDir, dataDirAt, readConfig } from '../server/config.ts';
import { operatorKeyFile } from '../server/dataDir.ts';
import { readRunning } from '../server/running.ts';
import { openScreen, type Screen } from './screen.ts';

/** The settings of every command: the global flags, else the environment, else the data directory. */
export type Session = {
  dataDir: DataDir;
  screen: Screen;
  /** The URL of the server. */
  url(): string;
  /** Throws `unauthenticated` when no key is available. */
  client(): Client;
  /** The chain's RPC. Throws `not_configured` when none is known. */
  rpcUrl(given?: string): string;
};

type GlobalFlags = { url?: string; key?: string; dataDir?: string; json?: boolean };

export function sessionOf(command: Command): Session {
  const flags = command.optsWithGlobals<GlobalFlags>();
  const environment = readEnvironment();
  const dataDir = dataDirAt(resolve(flags.dataDir ?? environment.BURSAR_DATA_DIR ?? '.bursar'));
  const url = (): string => flags.url ?? environment.BURSAR_URL ?? urlOf(dataDir);
  return {
    dataDir,
    screen: openScreen(flags.json ?? false),
    url,
    client: () => createClient(checkUrl(url()), flags.key ?? environment.BURSAR_API_KEY ?? readKey(dataDir)),
    rpcUrl: (given) => {
      const found =
        given ?? environment.BURSAR_RPC_URL ?? readRunning(dataDir)?.rpc_url ?? readConfig(dataDir)?.chain.rpc_url;
      if (!found) {
        throw new BursarError('not_configured', {
          message:
            'No RPC of the chain is known: no server runs on this data directory, and neither --rpc nor BURSAR_RPC_URL is set.',
        });
      }
      return checkUrl(found);
    },
  };
}

function urlOf(dataDir: DataDir): string {
  const running = readRunning(dataDir);
  if (running) return running.url;
  const server = readConfig(dataDir)?.server ?? { host: '127.0.0.1', port: 8402 };
  return `http://${server.host}:${server.port}`;
}

function checkUrl(url: string): string {
  if (URL.canParse(url) && /^https?:/.test(url)) return url;
  throw new BursarError('invalid_request', { message: `"${url}" is not an http or https URL.` });
}

/** The operator's key of a data directory. Throws `unauthenticated`. */
export function readKey(dataDir: DataDir): string {
  try {
    return readFileSync(operatorKeyFile(dataDir), 'utf8').trim();
  } catch {
    throw new BursarError('unauthenticated', {
      message: `No API key: neither --key nor BURSAR_API_KEY is set, and there is no ${operatorKeyFile(dataDir)}.`,
    });
  }
}
