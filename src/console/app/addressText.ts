import { getAddress, isAddress } from 'viem';

/** What is wrong with an address that a person typed or pasted, before the server says it too. Null where nothing is. */
export function addressProblem(text: string): string | null {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return 'An address is 0x followed by 40 hexadecimal digits.';
  if (hasNoChecksum(text) || isAddress(text, { strict: true })) return null;
  return 'The checksum is wrong (EIP-55): at least one character is incorrect.';
}

/** All in lower case, an address is valid and says nothing about slips. */
export const hasNoChecksum = (text: string): boolean => text === text.toLowerCase();

/** In groups of four, as people compare it with the one that they were given. */
export const inGroups = (text: string): string =>
  `0x ${
    getAddress(text)
      .slice(2)
      .match(/.{1,4}/g)
      ?.join(' ') ?? ''
  }`;
