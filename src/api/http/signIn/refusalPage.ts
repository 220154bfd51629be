import { createHash } from 'node:crypto';
import type { BursarError } from '../../../core/errors/base.ts';

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; background: light-dark(#f4f5f7, #14161a); }
main { width: min(26rem, 84vw); padding: 1.5rem; border-radius: 12px; background: light-dark(#fff, #1e2127); color: light-dark(#1b1d21, #eceef2); overflow-wrap: anywhere; }
h1 { font-size: 1.25rem; margin: 0 0 .75rem; }
a { color: light-dark(#1d4ed8, #93b4ff); }
`;
const styleHash = `'sha256-${createHash('sha256').update(style).digest('base64')}'`;

export const pageHeaders: Record<string, string> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src ${styleHash}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};

/** Tells a person why the sign-in failed. */
export function signInPage(error: BursarError): string {
  const { title, detail, action, code } = error.toProblem() as Record<string, string>;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Not signed in · Bursar</title>
<style>${style}</style>
<main>
<h1>Not signed in</h1>
<p role="alert">${escaped(title)}${detail === title ? '' : ` ${escaped(detail)}`}</p>
<p>${escaped(action)}</p>
<p>Code: <code>${escaped(code)}</code></p>
<p><a href="/">Back to the sign-in</a></p>
</main>
</html>
`;
}

/** Text from outside is escaped, and its direction marks cannot reverse other text. */
function escaped(text = ''): string {
  return text
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;');
}
