import { BlockList, isIP, isIPv6 } from 'node:net';
import { embeddedIpv4, possibleIpv4 } from './ipv6.ts';

/** IPv4 that is not the public Internet: IANA's special-purpose registry (RFC 6890), multicast and reserved space. */
const notPublic4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  // Carrier-grade NAT, where some clouds keep their metadata too.
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, with 169.254.169.254.
  ['169.254.0.0', 16],
  // Azure's host, which hands out its guests' configuration.
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
/** Global unicast; everything else (loopback, unique local, link-local, multicast, IPv4-mapped, NAT64) is not. */
const global6 = blockList('ipv6', [['2000::', 3]]);
/** Inside of it: protocol assignments with Teredo, documentation, and 6to4, which leads to any IPv4 address. */
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

/** Where clouds tell a machine its own credentials: link-local, and what each cloud has besides. Nobody else is there. */
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
/** Compared exactly at every place where an operator's own translation prefix may hold an IPv4 address. */
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
/** Names of such services. What they resolve to is checked as well; these are refused whatever they resolve to. */
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

/** Whether a cloud's metadata may be there; also in IPv6 forms of such an IPv4 address. */
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

/** Whether the host of a URL is a metadata service by its name or address. A dot at the end and case make no difference. */
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

/** Whether the textual IP address is one of the public Internet. What is no IP address is not. */
export function isPublicAddress(address: string): boolean {
  // A zone ("fe80::1%eth0") belongs to a link.
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (!isIPv6(address)) return !notPublic4.check(address, 'ipv4');
  if (!global6.check(address, 'ipv6') || notPublic6.check(address, 'ipv6') || isMetadataAddress(address)) return false;
  return embeddedIpv4(address).every(isPublicAddress);
}
