const sites: Record<number, string> = {
  1: 'https://etherscan.io',
  10: 'https://optimistic.etherscan.io',
  137: 'https://polygonscan.com',
  8453: 'https://basescan.org',
  42161: 'https://arbiscan.io',
  43114: 'https://snowscan.xyz',
  84532: 'https://sepolia.basescan.org',
  11155111: 'https://sepolia.etherscan.io',
};

/** The page of a transaction in the chain's public block explorer. Null: the chain has none that is known, or that is no hash. */
export function blockExplorerPage(chainId: number, hash: string): string | null {
  const site = Object.hasOwn(sites, chainId) ? sites[chainId] : undefined;
  return site !== undefined && /^0x[0-9a-f]{64}$/i.test(hash) ? `${site}/tx/${hash}` : null;
}
