/** An official build of opa: where it is, and the SHA-256 that its bytes must have. */
export type OpaRelease = { url: string; sha256: string };

/**
 * By `process.platform-process.arch`. A sum is entered here only after it was checked against the release by a person: one
 * that is fetched together with the binary proves nothing. Platforms without an entry build from policies/compiler.
 */
export const opaReleases: Readonly<Record<string, OpaRelease>> = {};
