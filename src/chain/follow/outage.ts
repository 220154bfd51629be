import { openAlert, raiseAlert, resolveAlerts } from '../../books/ledger/alerts.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Store } from '../../store/store.ts';
import type { ChainSource } from '../node/source.ts';

const told: ReadonlySet<string> = new Set(['chain_unavailable', 'chain_mismatch', 'chain_inconsistent']);

/** The same source, with every error of the client translated to a code of the chain. */
export function guarded(chain: ChainSource): ChainSource {
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    try {
      return await question();
    } catch (cause) {
      if (cause instanceof BursarError && told.has(cause.code)) throw cause;
      throw new BursarError('chain_unavailable', { message: 'The chain RPC gave no usable answer.', cause });
    }
  };
  return {
    token: chain.token,
    registry: chain.registry,
    head: () => ask(() => chain.head()),
    header: (number) => ask(() => chain.header(number)),
    finalized: () => ask(() => chain.finalized()),
    logs: (range, scope) => ask(() => chain.logs(range, scope)),
    balanceOf: (address, block) => ask(() => chain.balanceOf(address, block)),
    authorizationState: (purse, nonce, block) => ask(() => chain.authorizationState(purse, nonce, block)),
    ...(chain.balancesOf && {
      balancesOf: (addresses, block) => ask(async () => (await chain.balancesOf?.(addresses, block)) ?? []),
    }),
    ...(chain.receiptLogs && { receiptLogs: (header) => ask(async () => (await chain.receiptLogs?.(header)) ?? null) }),
  };
}

/** An outage is one open alert: it is reported once, even if the server restarts meanwhile. */
export async function noteOutage(store: Store, chainId: number, error: BursarError, atMs: number): Promise<void> {
  if (await store.read((tx) => openAlert(tx, 'chain_unavailable', null))) return;
  const data = { chain: chainId, message: error.message };
  await store.write((tx) => raiseAlert(tx, { type: 'chain_unavailable', data }, atMs, 'chain.unavailable'));
}

export async function noteRecovery(store: Store, chainId: number, atMs: number): Promise<void> {
  if (!(await store.read((tx) => openAlert(tx, 'chain_unavailable', null)))) return;
  await store.write(async (tx) => {
    if (!(await resolveAlerts(tx, 'chain_unavailable', atMs))) return;
    await appendEvent(tx, { type: 'chain.recovered', actor: 'bursar', data: { chain: chainId } }, atMs);
  });
}

/** A fault that does not end by waiting is reported once while it lasts. */
export async function noteStop(store: Store, chainId: number, error: BursarError, atMs: number): Promise<void> {
  const type = error.code === 'chain_mismatch' ? 'chain_mismatch' : 'chain_inconsistent';
  if (await store.read((tx) => openAlert(tx, type, null))) return;
  const data = { chain: chainId, message: error.message, ...error.details };
  await store.write((tx) => raiseAlert(tx, { type, data }, atMs));
}
