import { createRequire } from 'node:module';
import { BursarError } from '../../core/errors/base.ts';

const require = createRequire(import.meta.url);
const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * The path of the anvil binary in the platform package of npm `@foundry-rs/anvil`. Nothing is downloaded or unpacked, and the
 * package's postinstall need not have run. Throws `not_configured` if npm has no anvil for this platform.
 */
export function anvilBinary(): string {
  const platformPackage = `@foundry-rs/anvil-${process.platform}-${architectures[process.arch] ?? process.arch}`;
  try {
    // Resolved from the wrapper package, whose optional dependency it is: npm may nest it there.
    const wrapper = createRequire(require.resolve('@foundry-rs/anvil/package.json'));
    return wrapper.resolve(`${platformPackage}/bin/${process.platform === 'win32' ? 'anvil.exe' : 'anvil'}`);
  } catch (cause) {
    throw new BursarError('not_configured', {
      message: `The local chain needs ${platformPackage}, which is not installed. Run npm ci, or set the RPC of a chain.`,
      cause,
    });
  }
}
