import { describe, expect, it } from 'vitest';
import { isMetadataAddress, isPublicAddress } from './publicAddress.ts';

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
