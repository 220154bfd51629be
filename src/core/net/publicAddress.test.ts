import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { embeddedIpv4, ipv6Bytes } from './ipv6.ts';
import { isMetadataAddress, isMetadataHost, isPublicAddress } from './publicAddress.ts';

describe('isPublicAddress', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.0.1',
    '172.32.0.1',
    '223.255.255.255',
    '192.0.1.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('takes %s', (address) => expect(isPublicAddress(address)).toBe(true));

  it.each([
    ['this network', '0.0.0.0'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['cloud metadata', '169.254.169.254'],
    ['cloud metadata at a public address', '168.63.129.16'],
    ['cloud metadata in CGNAT', '100.100.100.200'],
    ['CGNAT', '100.64.0.1'],
    ['protocol assignments', '192.0.0.192'],
    ['documentation', '192.0.2.1'],
    ['benchmarking', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['IPv4-mapped loopback', '::ffff:127.0.0.1'],
    ['IPv4-mapped metadata', '::ffff:a9fe:a9fe'],
    ['IPv4-mapped public', '::ffff:8.8.8.8'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['unique local', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['multicast', 'ff02::1'],
    ['6to4 of a private address', '2002:7f00:1::'],
    ['Teredo', '2001::1'],
    ['documentation', '2001:db8::1'],
    ['no address at all', 'localhost'],
    ['no address at all', ''],
    ['an octal trick', '0177.0.0.1'],
    ['a number', '2130706433'],
  ])('refuses %s: %s', (_name, address) => expect(isPublicAddress(address)).toBe(false));
});

describe('isMetadataAddress', () => {
  it.each([
    ['IPv4-mapped', '::ffff:a9fe:a9fe'],
    ['IPv4-mapped, written out', '0:0:0:0:0:ffff:169.254.169.254'],
    ['IPv4-compatible', '::169.254.169.254'],
    ['IPv4-translated', '::ffff:0:169.254.169.254'],
    ['NAT64', '64:ff9b::a9fe:a9fe'],
    ['NAT64, upper case', '64:FF9B::A9FE:AA02'],
    ['local NAT64, /96', '64:ff9b:1::169.254.169.254'],
    ['local NAT64 with a subnet, /96', '64:ff9b:1:abcd:1:2:a9fe:a9fe'],
    ['local NAT64, /48', '64:ff9b:1:a9fe:a9:fe00::'],
    ['local NAT64, /56', '64:ff9b:1:12a9:fe:a9fe::'],
    ['local NAT64, /64', '64:ff9b:1:0:a9:fea9:fe00:0'],
    ['6to4', '2002:a9fe:a9fe::'],
    ['6to4 with a host', '2002:a9fe:a9fe:1::5'],
    ['6to4 of Alibaba', '2002:6464:64c8::1'],
    ['Teredo, its server', '2001:0:a9fe:a9fe::1'],
    ['Teredo, its client', '2001:0:808:808:0:0:5601:5601'],
    ['ISATAP', '2a00:1450::5efe:a9fe:a9fe'],
    ['ISATAP, a global identifier', '2a00:1450::200:5efe:169.254.169.254'],
    ['ISATAP, link-local', 'fe80::5efe:a9fe:a9fe'],
    ["an operator's NAT64, /96", '2a00:1450:64::a9fe:a9fe'],
    ["an operator's NAT64, /32", '2a00:1450:a9fe:a9fe::'],
    ['6rd', '2a00:1450:a9fe:a9fe:1::1'],
    ['EC2', 'fd00:ec2::254'],
    ['EKS', 'fd00:ec2::23'],
    ['Oracle', 'fd00:c1::a9fe:a9fe'],
    ['Google', 'fd20:ce::254'],
    ['ECS', '169.254.170.2'],
    ['a zone', '64:ff9b::a9fe:a9fe%eth0'],
  ])('takes %s: %s', (_name, address) => {
    expect(isMetadataAddress(address)).toBe(true);
    expect(isPublicAddress(address)).toBe(false);
  });

  it('finds an IPv4 address in whichever form it is embedded, however that is spelt', () => {
    const forms: ((hex: string, quad: string) => string)[] = [
      (hex) => `::ffff:${hex}`,
      (_, quad) => `::ffff:${quad}`,
      (hex) => `64:ff9b::${hex}`,
      (_, quad) => `0064:ff9b:0000:0000:0:0:${quad}`,
      (hex) => `64:ff9b:1::${hex}`,
      (hex) => `2002:${hex}::1`,
      (hex) => `2001:0:${hex}::`,
      (hex) => `2a00:1450::5efe:${hex}`,
    ];
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom(...forms), (quad, form) => {
        const bytes = quad.split('.').map(Number);
        const hex = [0, 2].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16)).join(':');
        expect(embeddedIpv4(form(hex, quad))).toContain(quad);
      }),
    );
  });

  it('reads any IPv6 address as the bytes that its URL form says', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
        expect(ipv6Bytes(text)).toEqual(ipv6Bytes(canonical));
        expect(ipv6Bytes(text)).toHaveLength(16);
      }),
    );
  });

  it.each([
    'metadata.google.internal',
    'METADATA.google.internal.',
    'metadata',
    'instance-data.ec2.internal',
    '169.254.169.254',
    '[64:ff9b::a9fe:a9fe]',
  ])('%s is a metadata host', (host) => expect(isMetadataHost(host)).toBe(true));
  it.each(['metadata.example', 'my-metadata', 'google.internal', '10.0.0.1', '[fd12::1]', 'localhost'])(
    '%s is no metadata host',
    (host) => expect(isMetadataHost(host)).toBe(false),
  );

  it.each([
    '169.254.169.254',
    '168.63.129.16',
    '100.100.100.200',
    '::ffff:169.254.169.254',
    'fe80::1%eth0',
    'fd00:ec2::254',
  ])('takes %s', (address) => expect(isMetadataAddress(address)).toBe(true));
  it.each(['127.0.0.1', '10.0.0.1', '8.8.8.8', '::1', 'fd00::1', '::ffff:127.0.0.1', 'localhost'])(
    'does not take %s',
    (address) => expect(isMetadataAddress(address)).toBe(false),
  );
});
