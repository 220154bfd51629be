import { Option } from 'commander';
import { type Address, getAddress, isAddress } from 'viem';
import { BursarError } from '../../core/errors/base.ts';

/** An address from a command line, in any case; a wrong EIP-55 checksum is refused as a typing error. */
export function parseAddress(given: string): Address {
  const oneCase = given === given.toLowerCase() || given.slice(2) === given.slice(2).toUpperCase();
  if (!isAddress(given, { strict: !oneCase }))
    throw new BursarError('invalid_request', { message: `"${given}" is no address, or its checksum is wrong.` });
  return getAddress(given);
}

export const addressOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(parseAddress);
