import { Command } from 'commander';
import { hashMessage } from 'viem';
import { createSiweMessage } from 'viem/siwe';
import { z } from 'zod';
import type { Built } from '../../../api/http/console/builder.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { examples } from '../operationCommand.ts';
import type { Screen } from '../screen.ts';
import { type Session, sessionOf } from '../session.ts';

const Asked = z.object({
  nonce: z.string(),
  domain: z.string(),
  uri: z.string(),
  chain_id: z.int(),
  statement: z.string(),
});

export function consoleCommand(): Command {
  const command = new Command('console')
    .description(
      'Print a link that signs you in to the console with a key of this data directory (EIP-4361). It works once, for five minutes.',
    )
    .option('--role <role>', 'Which key of the keystore (or BURSAR_KEY_<ROLE>) signs', 'approver')
    .addHelpText('after', examples(['bursar console', 'bursar console --role approver-ada']))
    .action((flags: { role: string }) => link(sessionOf(command), flags.role));
  return command;
}

async function link(session: Session, role: string): Promise<void> {
  const url = new URL(session.url()).origin;
  const { nonce, domain, uri, chain_id: chainId, statement } = Asked.parse(await nonceOf(url));
  // The signature names the requested server, whatever that server answers.
  if (uri !== url || domain !== new URL(url).host) {
    throw new BursarError('signing_refused', { message: `The server at ${url} asks to sign in to ${uri}.` });
  }
  const { openDataDirKeys } = await import('../../server/dataDirKeys.ts');
  const keys = await openDataDirKeys(session.dataDir);
  const address = await keys.address(role);
  const message = createSiweMessage({ address, domain, uri, chainId, nonce, statement, version: '1' });
  const signature = await keys.signDigest(role, hashMessage(message));
  const ticket = Buffer.from(JSON.stringify({ message, signature })).toString('base64url');
  const signIn = `${url}/#sign-in=${ticket}`;
  session.screen.document({ url: signIn, address });
  session.screen.line(`Open this in your browser within five minutes. It signs in as ${address}, once:`);
  session.screen.line();
  session.screen.line(signIn);
}

async function nonceOf(url: string): Promise<unknown> {
  try {
    return await (await fetch(`${url}/auth/nonce`)).json();
  } catch (cause) {
    throw new BursarError('server_unreachable', { message: `No Bursar answers at ${url}.`, cause });
  }
}

/** Builds the console while the server runs, if it is not built yet; reports only a failure. */
export async function buildConsole(screen: Screen): Promise<void> {
  const { ensureBuilt } = await import('../../../api/http/console/builder.ts');
  const built: Built = await ensureBuilt();
  if (!built.ok) screen.note('The console could not be built; all else works. See: npm run build:console');
}
