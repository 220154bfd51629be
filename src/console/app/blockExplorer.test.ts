import { describe, expect, it } from 'vitest';
import { blockExplorerPage } from './blockExplorer.ts';

const hash = `0x${'5e'.repeat(32)}`;

describe('the page in a public block explorer', () => {
  it.each([
    [1, 'https://etherscan.io'],
    [8453, 'https://basescan.org'],
    [84532, 'https://sepolia.basescan.org'],
    [11155111, 'https://sepolia.etherscan.io'],
  ])('of chain %d is at %s', (chainId, site) => {
    expect(blockExplorerPage(chainId, hash)).toBe(`${site}/tx/${hash}`);
  });

  it('is none on the local chain, nor on one that nobody knows', () => {
    expect([31_337, 0, -1, Number.NaN].map((chainId) => blockExplorerPage(chainId, hash))).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  it('is none for what is no transaction hash', () => {
    for (const wrong of ['', '0x12', `${hash}0`, `${hash}/../../login`, `${hash}?x`, hash.slice(2)]) {
      expect(blockExplorerPage(8453, wrong), wrong).toBeNull();
    }
  });
});
