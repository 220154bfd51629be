import { ensureBuilt } from '../../src/api/http/console/builder.ts';
import { resolveOpa } from '../../src/decide/policy/opa.ts';
import { chromium } from './chromium.ts';

/**
 * Once before the system tests, which run two files at a time: what the first to need it would build or install while the other waits.
 * What cannot be had is the tests' to report that need it.
 */
export default async function prepare(): Promise<void> {
  await Promise.allSettled([ensureBuilt(), resolveOpa(), Promise.resolve().then(chromium)]);
}
