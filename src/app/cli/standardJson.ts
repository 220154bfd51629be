import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { keccak256 } from 'viem';
import { contractsCompiler, contractsInput } from '../../chain/contracts/contracts.generated.ts';
import { BursarError } from '../../core/errors/base.ts';
import { root } from '../../core/root.ts';

const contracts = join(root, 'contracts');
const LIBRARY = '@openzeppelin/contracts';

export type StandardJson = {
  language: 'Solidity';
  sources: Record<string, { content: string }>;
  settings: Record<string, unknown>;
};

/** The compiler's version in the form of explorers. */
export const compilerVersion = `v${contractsCompiler.solc}`;

/**
 * The compiler's standard JSON input, whose output is the bytecode that Bursar deploys. Throws `not_configured` if a source on this
 * machine is not the compiled one: an explorer would refuse it.
 */
export function standardJson(): StandardJson {
  const library = dirname(createRequire(import.meta.url).resolve(`${LIBRARY}/package.json`));
  const sources: StandardJson['sources'] = {};
  for (const [path, hash] of Object.entries(contractsInput.sources)) {
    const file = path.startsWith(LIBRARY) ? join(library, path.slice(LIBRARY.length)) : join(contracts, path);
    const bytes = readFileSync(file);
    if (keccak256(bytes) !== hash) {
      throw new BursarError('not_configured', {
        message: `${path} is not the source that the contracts were compiled from.`,
      });
    }
    sources[path] = { content: bytes.toString('utf8') };
  }
  const selected = ['abi', 'evm.bytecode', 'evm.deployedBytecode', 'metadata'];
  return {
    language: 'Solidity',
    sources,
    settings: { ...contractsInput.settings, outputSelection: { '*': { '*': selected } } },
  };
}
