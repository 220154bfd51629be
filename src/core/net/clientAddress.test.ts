import { describe, expect, it } from 'vitest';
import { countAttempts } from '../limits/attempts.ts';
import { clientAddress, isAddressRange } from './clientAddress.ts';

describe('the address of a client', () => {
  it('is the other end of the connection, whatever X-Forwarded-For says', () => {
    const of = clientAddress([]);
    expect(of('203.0.113.7', '198.51.100.1')).toBe('203.0.113.7');
    expect(of('127.0.0.1', '198.51.100.1')).toBe('127.0.0.1');
    expect(of('::ffff:203.0.113.7', undefined)).toBe('203.0.113.7');
    expect(of(undefined, '198.51.100.1')).toBe('unknown');
  });

  it('is what a trusted proxy says, as far as trusted proxies go, and no further', () => {
    const of = clientAddress(['10.0.0.0/8', '::1']);
    expect(of('10.1.2.3', '198.51.100.1')).toBe('198.51.100.1');
    expect(of('::ffff:10.1.2.3', '198.51.100.1, 10.9.9.9')).toBe('198.51.100.1');
    expect(of('::1', '1.1.1.1, 198.51.100.1')).toBe('198.51.100.1');
    expect(of('10.1.2.3', undefined)).toBe('10.1.2.3');
    expect(of('10.1.2.3', '198.51.100.1, not an address')).toBe('10.1.2.3');
    expect(of('203.0.113.7', '198.51.100.1')).toBe('203.0.113.7');
    expect(of('10.1.2.3', `${'10.0.0.1,'.repeat(10_000)}10.0.0.1`)).toBe('10.0.0.1');
  });

  it('is one for all of an IPv6 /64', () => {
    const of = clientAddress([]);
    const one = of('2001:db8:1:2:3:4:5:6', undefined);
    expect(one).toBe('2001:db8:1:2::/64');
    expect(of('2001:0DB8:1:2::9', undefined)).toBe(one);
    expect(of('2001:db8:1:3::9', undefined)).not.toBe(one);
    expect(of('2001:db8::1', undefined)).toBe('2001:db8:0:0::/64');
    expect(of('fe80::1%eth0', undefined)).toBe('fe80:0:0:0::/64');
    expect(of('64:ff9b::192.0.2.1', undefined)).toBe('64:ff9b:0:0::/64');
  });

  it.each(['10.0.0.0/8', '::1', 'fd00::/8', '127.0.0.1'])('may be trusted as %s', (range) => {
    expect(isAddressRange(range)).toBe(true);
  });

  it.each(['', 'proxy', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1'])(
    'may not be trusted as "%s"',
    (range) => {
      expect(isAddressRange(range)).toBe(false);
    },
  );
});

describe('failures of many addresses', () => {
  it('take bounded memory: the stalest is forgotten, and a newer one is still turned away', () => {
    const attempts = countAttempts({ max: 1, windowMs: 60_000 });
    attempts.failed('first', 1_000);
    for (let i = 0; i < 9_999; i += 1) attempts.failed(`other ${i}`, 1_000);
    expect(attempts.waitSeconds('first', 1_000)).toBe(60);
    attempts.failed('one too many', 1_000);
    expect(attempts.waitSeconds('first', 1_000)).toBe(0);
    expect(attempts.waitSeconds('other 0', 1_000)).toBe(60);
  });
});
