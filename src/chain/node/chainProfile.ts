import { BursarError } from '../../core/errors/base.ts';

type Profile = {
  name: string;
  /** `standard`: a header's hash is the keccak of its RLP, as in the Ethereum yellow paper, so a changed field is detected. */
  headers: 'standard' | 'other';
  /** Why USDC on that chain cannot be followed by the logs of its contract. */
  refused?: string;
};

const ARC =
  'USDC is its gas coin: native moves have no log of the USDC contract, and calls of the contract are logged twice.';

const profiles: Readonly<Record<number, Profile>> = {
  1: { name: 'Ethereum', headers: 'standard' },
  10: { name: 'OP Mainnet', headers: 'standard' },
  1337: { name: 'a local chain', headers: 'standard' },
  5042: { name: 'Arc', headers: 'other', refused: ARC },
  5042002: { name: 'Arc Testnet', headers: 'other', refused: ARC },
  8453: { name: 'Base', headers: 'standard' },
  31337: { name: 'a local chain', headers: 'standard' },
  84532: { name: 'Base Sepolia', headers: 'standard' },
  11155111: { name: 'Sepolia', headers: 'standard' },
  11155420: { name: 'OP Sepolia', headers: 'standard' },
};

/** Throws `chain_not_supported`, with the name of the chain, if its logs do not show every transfer of USDC. */
export function requireSupportedChain(chainId: number): void {
  const profile = profiles[chainId];
  if (!profile?.refused) return;
  throw new BursarError('chain_not_supported', {
    message: `Chain ${chainId} (${profile.name}) is not supported: ${profile.refused}`,
    details: { chain: chainId, name: profile.name },
  });
}

/** Tells whether a header of that chain can be verified by its hash. False for chains without a profile. */
export function hasStandardHeaders(chainId: number): boolean {
  return profiles[chainId]?.headers === 'standard';
}
