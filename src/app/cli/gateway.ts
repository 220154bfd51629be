import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { type Address, getAddress, isAddress } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import type { Table } from '../../earn/gateway/table.ts';
import { examples } from './operationCommand.ts';
import { type Session, sessionOf } from './session.ts';
import { onStopSignal } from './stopping.ts';

type Flags = {
  upstream?: string;
  price?: string;
  config?: string;
  payTo?: string;
  publicUrl?: string;
  host: string;
  port: string;
  sales?: string;
};

/** `bursar gateway`: a reverse proxy that puts a price on an HTTP API. */
export function gatewayCommand(): Command {
  const command = new Command('gateway')
    .description('Sell an HTTP API or an MCP server as it is: a reverse proxy that answers 402 and settles by Bursar.')
    .option('--upstream <url>', 'The API to sell')
    .option('--price <usdc>', 'What each request costs that no route of --config names')
    .option('--config <file>', 'Route table in YAML; flags overrule it')
    .option('--pay-to <agent|address>', 'Who earns: an agent (id or name), or an address')
    .option('--public-url <url>', 'Where buyers find this gateway; offers name it')
    .option('--host <address>', 'Listen here', '127.0.0.1')
    .option('--port <number>', 'Listen here; 0 for a free one', '8403')
    .option(
      '--sales <file>',
      'Remember sales here; `memory` forgets them with the process (else in the data directory)',
    )
    .addHelpText(
      'after',
      `${examples([
        'bursar gateway --upstream http://127.0.0.1:3000 --price 0.01 --pay-to ocr-vendor',
        'bursar gateway --config gateway.yaml',
      ])}\n\nSee docs/selling.md for the route table.`,
    )
    .action(async (flags: Flags) => run(sessionOf(command), flags));
  return command;
}

async function run(session: Session, flags: Flags): Promise<void> {
  const { screen, dataDir } = session;
  const { parseTable, readTable } = await import('../../earn/gateway/table.ts');
  const { startGateway } = await import('../../earn/gateway/gateway.ts');
  const { durableSales } = await import('../../earn/seller/durableSales.ts');
  const file: Table = flags.config === undefined ? parseTable('') : readTable(flags.config);
  // Flags are parsed by the same schema as the file.
  const told = parseTable(JSON.stringify({ price: flags.price, upstream: flags.upstream, url: flags.publicUrl }));
  const upstream = told.upstream ?? file.upstream;
  if (upstream === undefined)
    throw new BursarError('invalid_request', { message: 'Name the API to sell: --upstream.' });
  const payTo = await payToOf(session, flags.payTo ?? file.pay_to);
  const table = {
    ...file,
    upstream,
    bursar: file.bursar ?? session.url(),
    ...(told.price === undefined ? {} : { price: told.price }),
    ...(told.url === undefined ? {} : { url: told.url }),
  };
  if (table.price === undefined && table.routes.every((route) => route.free)) {
    throw new BursarError('invalid_request', {
      message: 'Nothing has a price: give --price, or --config with routes.',
    });
  }
  const path = flags.sales ?? (existsSync(dataDir.dir) ? join(dataDir.dir, 'gateway-sales.sqlite') : 'memory');
  const sales = path === 'memory' ? null : await durableSales(path);
  const stopping = onStopSignal((line) => screen.note(line));
  const gateway = await startGateway({
    table,
    payTo,
    host: flags.host,
    port: portOf(flags.port),
    ...(sales === null ? {} : { sales }),
  }).catch(async (error: unknown) => {
    await sales?.close();
    throw error;
  });
  screen.document({ url: gateway.url, upstream, pay_to: payTo, settled_by: table.facilitator ?? table.bursar });
  screen.line(
    `Selling ${upstream} at ${gateway.url}. Paid to ${payTo}, settled by ${table.facilitator ?? table.bursar}.`,
  );
  if (path === 'memory') screen.note('Sales are remembered until this process ends.');
  await stopping.asked;
  await gateway.stop();
  await sales?.close();
}

/** An agent's wallet by its id or name, or an address unchanged. */
async function payToOf(session: Session, given: string | undefined): Promise<Address> {
  if (given === undefined) throw new BursarError('invalid_request', { message: 'Name who earns: --pay-to.' });
  if (isAddress(given)) return getAddress(given);
  if (given.startsWith('0x')) throw new BursarError('invalid_address', { message: `"${given}" is no address.` });
  const { wallet } = (await session.client().call('get_agent', { id: given })) as {
    wallet: { address: Address } | null;
  };
  if (wallet === null) throw new BursarError('not_configured', { message: `The agent ${given} has no wallet.` });
  return getAddress(wallet.address);
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && port <= 65_535) return port;
  throw new BursarError('invalid_request', { message: `"${text}" is no port.` });
}
