/** An official build of opa: its location, and the SHA-256 of its bytes. */
export type OpaRelease = { url: string; sha256: string };

/**
 * By `process.platform-process.arch`. A person checked each sum against the release before it was entered: a sum that is fetched
 * together with the binary proves nothing. Platforms without an entry build from policies/compiler.
 */
export const opaReleases: Readonly<Record<string, OpaRelease>> = {};
