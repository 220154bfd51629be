import ipaddr from 'ipaddr.js';
import { compile } from 'proxy-addr';

/** One address, or a range in CIDR form. */
export function isAddressRange(text: string): boolean {
  return text.includes('/') ? ipaddr.isValidCIDR(text) : isAddress(text);
}

/** Returns the address of a client, from the other end of its connection and the X-Forwarded-For header. */
export type ClientAddress = (socket: string | undefined, forwardedFor: string | undefined) => string;

const HOPS_MAX = 20;

/**
 * Returns the address that limits count by. Anyone can write X-Forwarded-For, so it is read from right to left, only as far as
 * trusted proxies wrote it. An IPv6 client counts as its /64, because one subscriber has all of these addresses.
 */
export function clientAddress(trustedProxies: readonly string[]): ClientAddress {
  const isTrusted = compile([...trustedProxies]);
  return (socket, forwardedFor) => {
    let nearest = parsed(socket ?? '');
    if (nearest === null) return 'unknown';
    const hops = forwardedFor === undefined ? [] : forwardedFor.split(',').slice(-HOPS_MAX);
    while (isTrusted(nearest.toString(), 0) && hops.length > 0) {
      const named = parsed(hops.pop()?.trim() ?? '');
      if (named === null) break;
      nearest = named;
    }
    return nearest instanceof ipaddr.IPv6 ? network64(nearest) : nearest.toString();
  };
}

/** Accepts IPv4 as four decimal numbers, or IPv6; not the shorter and octal spellings that `inet_aton` takes. */
function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
}

/** Converts IPv4-mapped IPv6 (`::ffff:1.2.3.4`), which a dual-stack socket reports, to IPv4, and drops a zone. */
function parsed(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const [bare = ''] = text.split('%');
  return isAddress(bare) ? ipaddr.process(bare) : null;
}

function network64(address: ipaddr.IPv6): string {
  const groups = address.parts.slice(0, 4).map((group) => group.toString(16));
  return `${groups.join(':')}::/64`;
}
