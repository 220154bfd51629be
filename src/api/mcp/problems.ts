import type { Json, Problem } from './backend.ts';
import type { ToolAnswer } from './tool.ts';
import { untrusted } from './untrusted.ts';

const RETRY: Record<string, string> = {
  never: 'Do not send it again.',
  safe: 'The same call may be sent again in a moment; it is not paid twice.',
};

/** A refused call for a model. Text that a seller or a site may have written is separated from Bursar's own text. */
export function problemAnswer(problem: Problem, args: Json): ToolAnswer {
  const { code, title, detail, action, retry, details = {} } = problem;
  const foreign = foreignParts(code, details, args);
  const error = {
    code,
    detail: foreign.host === undefined ? detail : title,
    ...(foreign.reasons ? { reasons: foreign.reasons } : {}),
    ...(foreign.apart ? {} : { details }),
  };
  const text = foreign.host === undefined ? foreign.apart : { ...foreign.apart, host: foreign.host };
  return {
    fields: { next: `${action} ${RETRY[retry] ?? ''}`.trim(), error },
    untrusted: text && Object.keys(text).length > 0 ? untrusted(text) : null,
  };
}

type Foreign = { apart: Json | null; host?: string; reasons?: Json[] };

/** `apart`: details with text from outside; null if all are Bursar's own. */
function foreignParts(code: string, details: Json, args: Json): Foreign {
  if (code === 'x402_no_acceptable_offer' && Array.isArray(details.offers)) {
    const offers = details.offers as Json[];
    return {
      reasons: offers.map(({ index, code: why, reason }) => ({ index, code: why, reason })),
      apart: { offers: offers.map(({ index, scheme, network }) => ({ index, scheme, network })) },
    };
  }
  if (code.startsWith('x402_')) return { apart: details };
  if (code.startsWith('fetch_')) {
    // The caller did not name this host, so a redirect did.
    const host = details.host;
    const isOwn = host === undefined || host === hostOf(args.url);
    return isOwn ? { apart: null } : { apart: {}, host: String(host) };
  }
  return { apart: null };
}

function hostOf(url: unknown): string | null {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).host : null;
}
