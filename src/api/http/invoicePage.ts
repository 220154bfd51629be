import { createHash } from 'node:crypto';
import { renderSVG } from 'uqr';
import type { InvoiceView } from '../operations/earn/invoiceView.ts';

/** The data for the wallet, computed on the server, so that the script computes nothing. */
export type PageCall = { token: string; data: string; chainIdHex: string; claimPrefix: string };

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; background: light-dark(#f4f5f7, #14161a); }
main { width: min(26rem, 92vw); padding: 1.5rem; border-radius: 12px; background: light-dark(#fff, #1e2127); color: light-dark(#1b1d21, #eceef2); }
h1 { font-size: 1rem; font-weight: 500; margin: 0; overflow-wrap: anywhere; }
.amount { font-size: 2.25rem; font-weight: 650; margin: .25rem 0; }
.state { display: inline-block; padding: .1rem .6rem; border-radius: 99px; background: light-dark(#e8ebf0, #2c313a); font-size: .875rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0; font-size: .9375rem; }
dt { color: light-dark(#555c68, #a7aebb); } dd { margin: 0; overflow-wrap: anywhere; }
svg { display: block; width: 14rem; height: 14rem; margin: 1rem auto; border-radius: 8px; }
button { width: 100%; padding: .75rem; border: 0; border-radius: 8px; font: inherit; font-weight: 600; background: #1d4ed8; color: #fff; cursor: pointer; }
button:disabled { opacity: .6; cursor: default; } button:focus-visible { outline: 3px solid light-dark(#111, #fff); outline-offset: 2px; }
a { color: light-dark(#1d4ed8, #93b4ff); }
p { margin: .75rem 0 0; font-size: .9375rem; } code { font-size: .8125rem; }
`;

const script = `
const main = document.querySelector('main');
const say = (text) => { document.getElementById('told').textContent = text; };
const button = document.getElementById('pay');
const { id, token, data, chain, claim, state } = main.dataset;
async function status() {
  const answer = await fetch('/i/' + id + '/status');
  return answer.ok ? answer.json() : null;
}
const seen = main.dataset.received;
setInterval(async () => {
  if (document.hidden) return;
  const now = await status().catch(() => null);
  if (now && (now.state !== state || now.received.value !== seen)) location.reload();
}, 3000);
if (button && window.ethereum) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    const ask = (method, params) => window.ethereum.request({ method, params });
    try {
      const [from] = await ask('eth_requestAccounts', []);
      await ask('wallet_switchEthereumChain', [{ chainId: chain }]);
      say('Confirm the transfer in your wallet.');
      const hash = await ask('eth_sendTransaction', [{ from, to: token, data }]);
      say('Sent. Sign once more so that it counts for this invoice.');
      const text = claim + hash.toLowerCase();
      const hex = '0x' + Array.from(new TextEncoder().encode(text), (b) => b.toString(16).padStart(2, '0')).join('');
      const signature = await ask('personal_sign', [hex, from]);
      await fetch('/i/' + id + '/claims', { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ tx_hash: hash.toLowerCase(), payer: from.toLowerCase(), signature }) });
      say('Thank you. Waiting for the chain.');
    } catch (error) {
      say('Not paid: ' + (error && error.message ? error.message : 'the wallet refused.'));
      button.disabled = false;
    }
  });
}
`;

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing from other hosts, no script except the one below, and no frame around a page that asks for money. */
export const pageHeaders: Record<string, string> = {
  'content-security-policy': [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'content-type': 'text/html; charset=utf-8',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  vary: 'accept',
};

const stateText: Record<InvoiceView['state'], string> = {
  open: 'To be paid',
  part_paid: 'Paid in part',
  paid: 'Paid',
  overpaid: 'Paid, and more than was asked',
  expired: 'Expired: please do not pay any more',
  cancelled: 'Cancelled: please do not pay',
};

/** The page of an invoice for a person: amount, payee, state, a QR code (EIP-681) and a button for an injected wallet. */
export function invoicePage(invoice: InvoiceView, call: PageCall): string {
  const asks = invoice.payment_uri !== null;
  const rows: [string, string][] = [
    ['To', invoice.agent_name],
    ['For', invoice.memo],
    ['Address', invoice.address],
    ['Network', invoice.network],
    ...(invoice.received.value === '0.00'
      ? []
      : ([['Received', `${invoice.received.value} USDC`]] as [string, string][])),
    ...(invoice.excess.value === '0.00' ? [] : ([['Above', `${invoice.excess.value} USDC`]] as [string, string][])),
    ...(invoice.late ? ([['Late', 'A payment came after it had expired.']] as [string, string][]) : []),
    ...(invoice.expires_at ? ([['Until', invoice.expires_at]] as [string, string][]) : []),
  ];
  const shown = asks ? invoice.due.value : invoice.amount.value;
  const data: Record<string, string> = {
    id: invoice.id,
    state: invoice.state,
    received: invoice.received.value,
    token: call.token,
    data: call.data,
    chain: call.chainIdHex,
    claim: call.claimPrefix,
  };
  const attributes = Object.entries(data)
    .map(([name, value]) => `data-${name}="${safe(value)}"`)
    .join(' ');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>${safe(shown)} USDC to ${safe(invoice.agent_name)}</title><style>${style}</style></head>
<body><main ${attributes}>
<h1>Invoice from ${safe(invoice.agent_name)}</h1>
<p class="amount">${safe(shown)} USDC</p>
<p class="state" role="status">${stateText[invoice.state]}</p>
<dl>${rows.map(([term, text]) => `<dt>${term}</dt><dd>${safe(text)}</dd>`).join('')}</dl>
${asks ? payPart(invoice.payment_uri ?? '') : ''}
<p id="told" role="status" aria-live="polite"></p>
</main><script>${script}</script></body></html>
`;
}

function payPart(uri: string): string {
  const code = renderSVG(uri, { border: 2, ecc: 'M' }).replace('<svg ', '<svg role="img" aria-label="Payment code" ');
  return `${code}<button id="pay" type="button" hidden>Connect a wallet and pay</button>
<p><a href="${safe(uri)}">Open in a wallet</a>. Send exactly this amount of USDC, on this network only.</p>`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const safe = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? '');
