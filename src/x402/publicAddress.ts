import { BlockList, isIP, isIPv6 } from 'node:net';

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
  ['fd20:ce::254', 128],
]);

/** Whether a cloud's metadata may be there; also in IPv6 forms of such an IPv4 address. */
export function isMetadataAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  // BlockList reads IPv4-mapped addresses as the IPv4 addresses that they are.
  if (isIPv6(bare)) return metadata6.check(bare, 'ipv6') || metadata4.check(bare, 'ipv6');
  return isIP(bare) === 4 && metadata4.check(bare, 'ipv4');
}

/** Whether the textual IP address is one of the public Internet. What is no IP address is not. */
export function isPublicAddress(address: string): boolean {
  // A zone ("fe80::1%eth0") belongs to a link.
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (isIPv6(address)) return global6.check(address, 'ipv6') && !notPublic6.check(address, 'ipv6');
  return !notPublic4.check(address, 'ipv4');
}
