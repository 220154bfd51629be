import { getAddress, isAddress } from 'viem';

/** Checks an address that a person typed or pasted, before the server does. Null: no problem. */
export function addressProblem(text: string): string | null {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return 'An address is 0x followed by 40 hexadecimal digits.';
  if (hasNoChecksum(text) || isAddress(text, { strict: true })) return null;
  return 'The checksum is wrong (EIP-55): at least one character is incorrect.';
}

/** An address in lower case is valid, but its checksum cannot show a typing error. */
export const hasNoChecksum = (text: string): boolean => text === text.toLowerCase();

/** In groups of four, as people compare it with the one that they were given. */
export const inGroups = (text: string): string =>
  `0x ${
    getAddress(text)
      .slice(2)
      .match(/.{1,4}/g)
      ?.join(' ') ?? ''
  }`;
