import type { Credential } from './credentials.ts';

/** Who asks. `actor` goes into the events. */
export type Caller = { credential: Credential; actor: string };
