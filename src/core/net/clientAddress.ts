import { BlockList, isIP, isIPv6 } from 'node:net';

/** One address, or a range in CIDR form. */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Asks: from where is a request, by the other end of its connection and its X-Forwarded-For? */
export type ClientAddress = (socket: string | undefined, forwardedFor: string | undefined) => string;

const HOPS_MAX = 20;

/**
 * The address that limits count by. Anyone can write X-Forwarded-For, so it is read only where a trusted proxy has sent it, from
 * the right, as far as trusted proxies go. An IPv6 client is its /64: one subscriber has that many addresses.
 */
export function clientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList();
  for (const range of trustedProxies) {
    const [address = '', bits] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    trusted.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  const isTrusted = (address: string): boolean => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

  return (socket, forwardedFor) => {
    let nearest = plain(socket ?? '');
    if (isIP(nearest) === 0) return 'unknown';
    const hops = forwardedFor === undefined ? [] : forwardedFor.split(',').slice(-HOPS_MAX);
    while (isTrusted(nearest) && hops.length > 0) {
      const said = plain(hops.pop()?.trim() ?? '');
      if (isIP(said) === 0) break;
      nearest = said;
    }
    return isIPv6(nearest) ? network64(nearest) : nearest;
  };
}

/** IPv4 in IPv6 clothes, as a dual-stack socket gives it, is IPv4. A zone is no part of an address. */
function plain(address: string): string {
  const [bare = ''] = address.split('%');
  return bare.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** The first four groups, written out. */
function network64(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : []);
  const [before, after] = [groups(head), groups(tail)];
  // An IPv4 tail stands for two groups; it lies beyond the fourth.
  const width = before.length + after.length + (address.includes('.') ? 1 : 0);
  const all = tail === undefined ? before : [...before, ...Array<string>(8 - width).fill('0'), ...after];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
