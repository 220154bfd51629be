/** A path in two readings: `exact` for free routes; `loose` for priced ones, lenient as the laxest upstream. */
export type Target = { exact: string; loose: string };

/** An upstream that decodes twice would read these as another path. */
const DOUBLE_ENCODED = /%(?:2e|2f|5c|00|25)/i;

/**
 * Reads a request target (RFC 9112, origin-form). Null for one that an upstream might read differently: dot segments, encoded
 * slashes, backslashes, control characters, broken or double encoding, absolute or authority form.
 */
export function readTarget(url: string): Target | null {
  // Most paths are plain, with nothing to decode.
  const end = url.indexOf('?');
  const path = end === -1 ? url : url.slice(0, end);
  if (path.charCodeAt(0) !== 47 || url.includes('#')) return null;
  if (/^[a-z0-9/_-]*$/.test(path) && !path.includes('//')) {
    return { exact: path, loose: path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path };
  }
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    const decoded = decode(segment);
    if (decoded === null || !isSafe(decoded)) return null;
    segments.push(decoded);
  }
  const exact = segments.join('/');
  const loose = segments
    // Servers on Windows drop dots and spaces at the end.
    .map((segment) =>
      segment
        .replace(/;.*$/, '')
        .replace(/[. ]+$/, '')
        .toLowerCase(),
    )
    .join('/')
    .replace(/\/{2,}/g, '/')
    .replace(/(.)\/+$/, '$1');
  return { exact, loose };
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function isSafe(segment: string): boolean {
  // A path parameter must not hide dots: `..;/` is a known attack.
  const bare = segment.replace(/;.*$/, '').trim();
  if (bare === '.' || bare === '..') return false;
  for (let i = 0; i < segment.length; i += 1) {
    const code = segment.charCodeAt(i);
    if (code < 32 || code === 127 || code === 47 || code === 92) return false;
  }
  return !DOUBLE_ENCODED.test(segment);
}
