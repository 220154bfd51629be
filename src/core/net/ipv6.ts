import { isIPv6 } from 'node:net';

/** Parses a textual IPv6 address in any spelling (RFC 4291) to 16 bytes and drops a zone (`%eth0`). Null if it is not one. */
export function ipv6Bytes(text: string): Uint8Array | null {
  const bare = text.replace(/%.*$/, '');
  if (!isIPv6(bare)) return null;
  const [head = '', tail] = bare.split('::');
  const before = bytesOf(head);
  const after = tail === undefined ? [] : bytesOf(tail);
  return Uint8Array.from([...before, ...Array<number>(16 - before.length - after.length).fill(0), ...after]);
}

function bytesOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

const startsWith = (bytes: Uint8Array, prefix: readonly number[]): boolean =>
  prefix.every((byte, index) => bytes[index] === byte);
const zeros = (count: number): number[] => Array<number>(count).fill(0);
const quad = (bytes: ArrayLike<number>, at: readonly number[]): string => at.map((index) => bytes[index]).join('.');

const LAST = [12, 13, 14, 15];
/** The places at which RFC 6052 puts an IPv4 address after a prefix of 32, 40, 48, 56, 64 or 96 bits; 6rd also uses the first. */
const RFC6052 = [[4, 5, 6, 7], [5, 6, 7, 9], [6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], LAST];

/**
 * The IPv4 addresses that a packet to this IPv6 address may reach, by the forms that are known from the address itself:
 * IPv4-mapped, IPv4-compatible and IPv4-translated (RFC 4291, 2765), NAT64 with the well-known and the local-use prefix
 * (RFC 6052, 8215), 6to4 (RFC 3056), Teredo (RFC 4380: server and client) and ISATAP (RFC 5214).
 */
export function embeddedIpv4(address: string): string[] {
  const bytes = ipv6Bytes(address);
  if (bytes === null) return [];
  const found: string[] = [];
  const isZeroTo = (end: number): boolean => startsWith(bytes, zeros(end));
  if (isZeroTo(12)) found.push(quad(bytes, LAST));
  if (isZeroTo(10) && bytes[10] === 255 && bytes[11] === 255) found.push(quad(bytes, LAST));
  if (isZeroTo(8) && startsWith(bytes.subarray(8), [255, 255, 0, 0])) found.push(quad(bytes, LAST));
  if (startsWith(bytes, [0, 0x64, 0xff, 0x9b])) {
    if (startsWith(bytes.subarray(4), zeros(8))) found.push(quad(bytes, LAST));
    else if (startsWith(bytes.subarray(4), [0, 1])) found.push(...RFC6052.slice(2).map((at) => quad(bytes, at)));
  }
  if (startsWith(bytes, [0x20, 0x02])) found.push(quad(bytes, [2, 3, 4, 5]));
  if (startsWith(bytes, [0x20, 0x01, 0, 0])) {
    found.push(
      quad(bytes, [4, 5, 6, 7]),
      quad(
        bytes.map((byte) => byte ^ 255),
        LAST,
      ),
    );
  }
  const [scope, ...isatap] = bytes.subarray(8, 12);
  if (((scope ?? 1) & 0b11111100) === 0 && startsWith(Uint8Array.from(isatap), [0, 0x5e, 0xfe])) {
    found.push(quad(bytes, LAST));
  }
  return found;
}

/**
 * Returns the bytes at every place where an operator's own NAT64 or 6rd prefix could hold an IPv4 address. Only for exact
 * comparisons.
 */
export function possibleIpv4(address: string): string[] {
  const bytes = ipv6Bytes(address);
  return bytes === null ? [] : RFC6052.map((at) => quad(bytes, at));
}
