import { BlockList, isIP, isIPv6 } from 'node:net';
import { embeddedIpv4, possibleIpv4 } from './ipv6.ts';

/** IPv4 ranges outside the public Internet: IANA's special-purpose registry (RFC 6890), multicast and reserved space. */
const notPublic4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  // Carrier-grade NAT; some clouds also serve their metadata there.
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, with the metadata address 169.254.169.254.
  ['169.254.0.0', 16],
  // Azure's WireServer, which serves the configuration of virtual machines.
  ['168.63.129.16', 32],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);
/** Only global unicast is public; loopback, unique local, link-local, multicast, IPv4-mapped and NAT64 addresses are not. */
const global6 = blockList('ipv6', [['2000::', 3]]);
/**
 * Ranges inside global unicast that are refused: protocol assignments with Teredo, documentation, and 6to4, which can reach any
 * IPv4 address.
 */
const notPublic6 = blockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]);

function blockList(family: 'ipv4' | 'ipv6', subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, family);
  return list;
}

/**
 * Addresses at which clouds give a machine its own credentials: link-local, and the extra ones of each cloud. They serve nothing
 * else.
 */
const metadata4 = blockList('ipv4', [
  ['169.254.0.0', 16],
  ['168.63.129.16', 32],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
]);
const metadata6 = blockList('ipv6', [
  ['fe80::', 10],
  ['fd00:ec2::', 32],
  ['fd00:c1::', 32],
  ['fd20:ce::254', 128],
  ['fd00:42::42', 128],
]);
/** Compared exactly at each place where an operator's own translation prefix may hold an IPv4 address. */
const wellKnown4 = new Set([
  '169.254.169.254',
  '169.254.169.123',
  '169.254.170.2',
  '169.254.170.23',
  '169.254.0.23',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
]);
/** Names of metadata services. They are refused regardless of their addresses; addresses are checked as well. */
const metadataNames = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.azure.com',
  'metadata.tencentyun.com',
  'metadata.packet.net',
  'metadata.platformequinix.com',
  'api.metadata.cloud.ibm.com',
  'instance-data',
  'instance-data.ec2.internal',
]);

/** Tells whether a cloud's metadata service may be at the address, also for IPv6 forms of such an IPv4 address. */
export function isMetadataAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  if (isIP(bare) === 4) return metadata4.check(bare, 'ipv4');
  if (!isIPv6(bare)) return false;
  return (
    metadata6.check(bare, 'ipv6') ||
    embeddedIpv4(bare).some((each) => metadata4.check(each, 'ipv4')) ||
    possibleIpv4(bare).some((each) => wellKnown4.has(each))
  );
}

/** Tells whether the host of a URL is a metadata service, by name or address. Case and a final dot make no difference. */
export function isMetadataHost(hostname: string): boolean {
  const host = bareHost(hostname);
  return metadataNames.has(host) || isMetadataAddress(host);
}

/** A host of a URL without brackets, in lower case, without the dot of the DNS root. */
export function bareHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
    .replace(/\.+$/, '');
}

/** Tells whether a text is an IP address of the public Internet. False for a text that is no IP address. */
export function isPublicAddress(address: string): boolean {
  // An address with a zone ("fe80::1%eth0") is local to a link.
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (!isIPv6(address)) return !notPublic4.check(address, 'ipv4');
  if (!global6.check(address, 'ipv6') || notPublic6.check(address, 'ipv6') || isMetadataAddress(address)) return false;
  return embeddedIpv4(address).every(isPublicAddress);
}
