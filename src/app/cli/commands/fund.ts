import { Command } from 'commander';
import { getAddress } from 'viem';
import { BursarError } from '../../../core/errors/base.ts';
import { formatUsdc, parsePositiveUsdc } from '../../../core/money/microUsdc.ts';
import { readConfig } from '../../server/config.ts';
import { examples } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { at, text } from '../values.ts';

export function fundCommand(): Command {
  const command = new Command('fund')
    .description("Local chain only: mint test USDC to the sponsors' treasury and send it on to an agent's wallet.")
    .argument('<agent>')
    .argument('<usdc>', 'like 100.00')
    .addHelpText('after', examples(['bursar fund researcher 100.00']))
    .action(async (agent: string, amount: string) => fund(sessionOf(command), agent, amount));
  return command;
}

async function fund(session: Session, name: string, given: string): Promise<void> {
  const { dataDir, screen } = session;
  const amount = parsePositiveUsdc(given);
  const config = readConfig(dataDir);
  if (config?.chain.rpc_url !== null) {
    throw new BursarError('not_configured', {
      message: 'Only a data directory with a local chain can make test USDC.',
    });
  }
  const client = session.client();
  const agent = await client.call('get_agent', { id: name });
  const sponsor = await client.call('get_sponsor', { id: agent.sponsor });
  const [{ accountOf, openDataDirKeys }, { devClient }, { fundFromTreasury }] = await Promise.all([
    import('../../server/dataDirKeys.ts'),
    import('../../local-chain/client.ts'),
    import('../../demo/treasury.ts'),
  ]);
  const treasury = await accountOf(await openDataDirKeys(dataDir), 'treasury');
  const chain = devClient(session.rpcUrl(), config.chain.id);
  const to = getAddress(String(at(agent, 'wallet.address')));
  await fundFromTreasury(chain, { usdc: config.chain.usdc, treasury, to, amount });
  screen.document({
    agent: agent.id,
    wallet: to,
    amount: { value: formatUsdc(amount), currency: 'USDC' },
    from: treasury.address,
  });
  screen.line(
    `${formatUsdc(amount)} USDC sent from the treasury ${treasury.address} to ${text(agent.name)}'s wallet ${to}.`,
  );
  if (sponsor.treasury_address !== treasury.address) {
    screen.line(
      `Its sponsor names another treasury, so the money waits in suspense: bursar agent accept-suspense ${text(agent.name)} --amount ${formatUsdc(amount)} --reason "test money"`,
    );
  }
}
