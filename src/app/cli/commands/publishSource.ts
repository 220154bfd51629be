import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { createPublicClient, http } from 'viem';
import { readConfig } from '../../server/config.ts';
import { parseAddress } from '../addressFlag.ts';
import { contractAt, type PublishedContract, standardContracts } from '../contractAt.ts';
import { throwOutage } from '../evidenceLines.ts';
import { examples } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { compilerVersion, standardJson } from '../standardJson.ts';

export function publishSourceCommand(): Command {
  const command = new Command('publish-source')
    .description(
      "Write the compiler's standard JSON input, which a block explorer or Sourcify takes to verify the contracts, and say what else it asks for.",
    )
    .argument(
      '[address]',
      'A registry, factory, wallet or purse; without it, the factory and the registry of the data directory',
    )
    .option('-o, --out <file>', 'Where the JSON goes', 'bursar-standard-input.json')
    .addOption(new Option('--rpc <url>', 'An RPC of the chain, to tell which contract is there'))
    .addHelpText(
      'after',
      examples(['bursar publish-source', 'bursar publish-source 0x5FbD… --rpc https://rpc.example']),
    )
    .action(async (given: string | undefined, { out, rpc }: { out: string; rpc?: string }) => {
      const session = sessionOf(command);
      const found = await contractsOf(session, given, rpc);
      writeFileSync(out, `${JSON.stringify(standardJson())}\n`);
      const { screen } = session;
      screen.document({ out, compiler: compilerVersion, license: 'Apache-2.0', contracts: found });
      screen.line(`The standard JSON input is in ${out}. An explorer also asks for:`);
      for (const { address, ...each } of found) {
        screen.details({ ...(address && { address }), ...each, compiler: compilerVersion, license: 'Apache-2.0' });
        screen.line();
      }
    });
  return command;
}

/**
 * The contract at that address; else those of the data directory; else all kinds, without addresses. Throws if the address is none
 * of our contracts.
 */
async function contractsOf(
  session: Session,
  given: string | undefined,
  rpc: string | undefined,
): Promise<PublishedContract[]> {
  const config = given === undefined ? readConfig(session.dataDir)?.chain : undefined;
  const wanted = given === undefined ? [config?.factory, config?.registry] : [parseAddress(given)];
  const addresses = wanted.flatMap((address) => (address ? [address] : []));
  if (addresses.length === 0) return standardContracts();
  const rpcUrl = session.rpcUrl(rpc);
  const client = createPublicClient({ transport: http(rpcUrl) });
  try {
    return await Promise.all(addresses.map((address) => contractAt(client, address)));
  } catch (error) {
    throwOutage(error, rpcUrl);
    throw error;
  }
}
