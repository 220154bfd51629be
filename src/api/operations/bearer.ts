/** The key of `Authorization: Bearer <key>`. The scheme is case-insensitive (RFC 9110, 11.1), with one or more spaces after it. */
export function bearerKey(authorization: string | undefined): string | undefined {
  return /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1];
}
