import { resolve } from 'node:path';
import { Command } from 'commander';
import { BursarError } from '../../../core/errors/base.ts';
import { formatUsdc } from '../../../core/money/microUsdc.ts';
import { readConfig } from '../../server/config.ts';
import { examples } from '../operationCommand.ts';
import type { Screen } from '../screen.ts';
import { sessionOf } from '../session.ts';
import { version } from '../version.ts';

export function backupCommands(): Command[] {
  return [backupCommand(), restoreCommand(), walletsCommand(), recoverCommand()];
}

function backupCommand(): Command {
  const command = new Command('backup')
    .description(
      'Copy the data directory into a new folder, while it is served or not: the database of one moment, the configuration and the encrypted keystore; not the passphrase.',
    )
    .argument('<folder>')
    .addHelpText('after', examples(['bursar backup /mnt/backup/bursar-2026-11-24']))
    .action(async (folder: string) => {
      const { dataDir, screen } = sessionOf(command);
      const { backUpDataDir } = await import('../../server/backup.ts');
      const manifest = await backUpDataDir(dataDir, resolve(folder), version);
      screen.document({ folder: resolve(folder), ...manifest });
      screen.line(`Copied to ${resolve(folder)}: ${manifest.wallets.length} wallets on chain ${manifest.chain_id}.`);
      screen.line('Keep the passphrase somewhere else: the keystore is of no use without it.');
    });
  return command;
}

function walletsCommand(): Command {
  const command = new Command('wallets')
    .description(
      "All wallets that this data directory's factory has made, read from the chain alone: what an owner goes by when the database is lost. Needs no server.",
    )
    .option('--rpc <url>', "The chain's RPC")
    .option('--from-block <number>', "Look from this block on; without it from the configuration's start block, else 0")
    .addHelpText('after', examples(['bursar wallets', 'bursar wallets --from-block 21000000 --json']))
    .action(async ({ rpc, fromBlock }: { rpc?: string; fromBlock?: string }) => {
      const session = sessionOf(command);
      const { screen } = session;
      const config = readConfig(session.dataDir);
      if (!config)
        throw new BursarError('not_configured', { message: `There is no data directory in ${session.dataDir.dir}.` });
      const first = fromBlock ?? config.chain.start_block ?? '0';
      if (!/^\d{1,15}$/.test(first))
        throw new BursarError('invalid_request', { message: '--from-block is not a number.' });
      const [{ walletsOnChain }, { openChain }] = await Promise.all([
        import('../../../control/recovery/walletsOnChain.ts'),
        import('../../../chain/node/chain.ts'),
      ]);
      const chain = openChain({ chainId: config.chain.id, rpcUrl: session.rpcUrl(rpc), token: config.chain.usdc });
      const found = await walletsOnChain(chain, config.chain.factory, BigInt(first));
      const wallets = found.map(({ balance, purseBalance, ...rest }) => ({
        ...rest,
        balance: formatUsdc(balance),
        purse_balance: formatUsdc(purseBalance),
      }));
      screen.document({ wallets });
      screen.table(
        (['wallet', 'balance', 'purse', 'purse_balance', 'owner'] as const).map((name) => ({
          title: name.replace('_', ' '),
          align: name.endsWith('balance') ? ('right' as const) : ('left' as const),
          cell: (row: (typeof wallets)[number]) => row[name],
        })),
        wallets,
      );
    });
  return command;
}

type Recovered = {
  from_block: string;
  to_block: string;
  booked: boolean;
  digest: string;
  undone: Moved[];
  added: Moved[];
  balances: { address: string; agent: string; before: Usdc; after: Usdc; chain: string }[];
  resent: number;
};
type Usdc = { value: string };
type Moved = { block: string; tx_hash: string; from: string; to: string; amount: Usdc; payment: string | null };

function recoverCommand(): Command {
  const command = new Command('recover')
    .description(
      'Read the chain again from a block on, whatever was final there, and show how the books differ. Books nothing without --yes.',
    )
    .requiredOption('--from-block <number>', 'The first block to read')
    .option('--yes', 'Book the difference that is shown')
    .addHelpText(
      'after',
      examples(['bursar recover --from-block 21000000', 'bursar recover --from-block 21000000 --yes']),
    )
    .action(async ({ fromBlock, yes }: { fromBlock: string; yes?: boolean }) => {
      const session = sessionOf(command);
      const { screen } = session;
      const client = session.client();
      const shown = (await client.call('recover_chain', { from_block: fromBlock })) as Recovered;
      showDifference(screen, shown);
      if (yes !== true) {
        screen.document(shown);
        screen.line('Nothing is booked. To book this: the same command with --yes.');
        return;
      }
      const booked = (await client.call('recover_chain', { from_block: fromBlock, book: shown.digest })) as Recovered;
      screen.document(booked);
      screen.line(`Booked. ${booked.resent} transactions wait to be mined again. Next: bursar ledger check.`);
    });
  return command;
}

function showDifference(screen: Screen, { from_block, to_block, undone, added, balances }: Recovered): void {
  screen.line(
    `Blocks ${from_block} to ${to_block}: ${undone.length} transfers in the books are not on the chain, ${added.length} on the chain are not in the books.`,
  );
  const moved = [
    ...undone.map((each) => ({ ...each, what: 'undo' })),
    ...added.map((each) => ({ ...each, what: 'add' })),
  ];
  if (moved.length > 0) {
    screen.table(
      [
        { title: 'what', align: 'left', cell: (row: (typeof moved)[number]) => row.what },
        { title: 'block', align: 'right', cell: (row) => row.block },
        { title: 'amount', align: 'right', cell: (row) => row.amount.value },
        { title: 'payment', align: 'left', cell: (row) => row.payment ?? '' },
        { title: 'transaction', align: 'left', cell: (row) => row.tx_hash },
      ],
      moved,
    );
  }
  if (balances.length > 0) {
    screen.table(
      [
        { title: 'address', align: 'left', cell: (row: Recovered['balances'][number]) => row.address },
        { title: 'books now', align: 'right', cell: (row) => row.before.value },
        { title: 'books then', align: 'right', cell: (row) => row.after.value },
        { title: 'chain', align: 'right', cell: (row) => row.chain },
      ],
      balances,
    );
  }
}

function restoreCommand(): Command {
  const command = new Command('restore')
    .description(
      'Put a backup into the data directory, with no server running. Every agent is frozen then: what happened since the copy is not in it.',
    )
    .argument('<folder>')
    .option('--replace', 'Put the database that is there aside')
    .addHelpText('after', examples(['bursar restore /mnt/backup/bursar-2026-11-24 --replace']))
    .action(async (folder: string, { replace }: { replace?: boolean }) => {
      const { dataDir, screen } = sessionOf(command);
      const { restoreHome } = await import('../../server/backup.ts');
      const { manifest, frozen, kept } = await restoreHome(resolve(folder), dataDir.dir, { replace: replace === true });
      screen.document({ dataDir: dataDir.dir, made_at: manifest.made_at, frozen, kept });
      screen.line(
        `Restored the copy of ${manifest.made_at}. ${frozen.length} agents are frozen: ${frozen.join(', ') || 'none'}.`,
      );
      if (kept) screen.line(`What was there is in ${kept}.`);
      screen.line(
        'Next: bursar serve; bursar ledger check; revoke keys that should be dead; then bursar agent unfreeze <agent>.',
      );
    });
  return command;
}
