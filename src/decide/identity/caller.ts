import type { Credential } from './credentials.ts';

/** The caller of an operation. `actor` is recorded in events. */
export type Caller = { credential: Credential; actor: string };
