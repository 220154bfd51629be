import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { InvoiceView } from '../operations/earn/invoiceView.ts';
import { invoicePage, pageHeaders } from './invoicePage.ts';

const usdc = (value: string) => ({ value, currency: 'USDC' as const });
const invoice: InvoiceView = {
  id: 'inv_01h455vb4pex5vsknk084sn02q',
  state: 'open',
  agent: 'agt_1',
  agent_name: 'shop',
  amount: usdc('5.00'),
  max_uses: 1,
  received: usdc('0.00'),
  due: usdc('5.00'),
  excess: usdc('0.00'),
  late: false,
  memo: 'July',
  address: '0x1111111111111111111111111111111111111111',
  network: 'eip155:31337',
  path: '/i/inv_01h455vb4pex5vsknk084sn02q',
  payment_uri: 'ethereum:0x2222222222222222222222222222222222222222@31337/transfer?address=0x1&uint256=5000000',
  expires_at: null,
  created_at: '2026-11-24T12:00:00.000Z',
  payments: [],
};
const call = {
  token: '0x2',
  data: '0xa9059cbb',
  chainIdHex: '0x7a69',
  claimPrefix: 'Bursar invoice inv is paid by transaction ',
};
const page = (changes: Partial<InvoiceView> = {}): string => invoicePage({ ...invoice, ...changes }, call);
const inline = (html: string, tag: string): string[] =>
  [...html.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))].map(([, text]) => text ?? '');

describe('the page of an invoice', () => {
  it('runs only the script and the style that its policy names by their hash', () => {
    const policy = pageHeaders['content-security-policy'] ?? '';
    for (const tag of ['script', 'style']) {
      const [text, ...others] = inline(page(), tag);
      expect(others).toEqual([]);
      expect(policy).toContain(
        `${tag}-src 'sha256-${createHash('sha256')
          .update(text ?? '')
          .digest('base64')}'`,
      );
    }
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page()).not.toMatch(/ on[a-z]+=| style=/);
  });

  it('shows what others wrote as text, never as markup', () => {
    const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>&`;
    const html = page({ memo: hostile, agent_name: hostile, address: hostile });
    expect(inline(html, 'script')).toHaveLength(1);
    expect(html).not.toContain('<img');
    expect(html).toContain('&quot;&gt;&lt;script&gt;alert(1)');
  });

  it('asks for what is still due, and says what has come', () => {
    const html = page({ state: 'part_paid', received: usdc('1.50'), due: usdc('3.50') });
    expect(html).toContain('<p class="amount">3.50 USDC</p>');
    expect(html).toContain('Paid in part');
    expect(html).toContain('<dd>1.50 USDC</dd>');
    expect(html).toMatch(/<svg role="img" aria-label="Payment code"/);
  });

  it.each([
    ['paid', 'Paid'],
    ['expired', 'please do not pay any more'],
    ['cancelled', 'please do not pay'],
  ] as const)('asks for nothing when it is %s', (state, text) => {
    const html = page({ state, payment_uri: null, due: usdc('0.00') });
    expect(html).toContain(text);
    expect(html).not.toContain('<svg');
    expect(html).not.toContain('id="pay"');
  });

  it('shows money above the amount and money that came late', () => {
    const html = page({ state: 'overpaid', excess: usdc('0.25'), late: true, payment_uri: null });
    expect(html).toContain('<dd>0.25 USDC</dd>');
    expect(html).toContain('after it had expired');
  });
});
