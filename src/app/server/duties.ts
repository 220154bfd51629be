import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Address } from 'viem';
import type { KeyRole } from '../../chain/keys/keys.ts';
import type { LedQueue } from '../../chain/relayer/relayer.ts';
import { log } from '../../core/log/log.ts';
import { type Leadership, type LedStore, ledBy } from '../../store/leases/leadership.ts';
import { createLeases, type Leases, type LeasesOptions } from '../../store/leases/leases.ts';
import type { Store } from '../../store/store.ts';

/** The tasks that one server does for all, each under a lease of its own; and one sender queue for each key. */
export type Duty = 'follow' | 'settle' | 'payouts' | 'schedules' | 'notices' | 'revenue' | 'anchors' | 'registry';
const duties: readonly Duty[] = [
  'follow',
  'settle',
  'payouts',
  'schedules',
  'notices',
  'revenue',
  'anchors',
  'registry',
];

export type Duties = {
  leases: Leases;
  /** The worker of this server's current term, made when the term begins; null while another server leads. */
  worker<T>(duty: Duty, make: (store: LedStore) => T | Promise<T>): () => Promise<T | null>;
  /** This server leads it, by what it knows. */
  leads(duty: Duty): boolean;
  /** An act that needs the lease here: see `Leases.during`. */
  during<T>(duty: Duty, act: (store: LedStore) => Promise<T>): Promise<T>;
  /** The sender queues that this server leads now. */
  queues(): LedQueue[];
};

/** Takes the leases that are free. The caller starts and stops their rounds. */
export async function openDuties(options: {
  store: Store;
  chainId: number;
  /** The keys that send. */
  senders: ReadonlyMap<Address, KeyRole>;
  /** This server has begun or ended to lead something. */
  onChange: () => void;
  /** This process and its clocks: see `LeasesOptions`. Default: the machine's. */
  process?: Pick<LeasesOptions, 'holder' | 'clock' | 'monotonic'>;
}): Promise<Duties> {
  const { store, chainId, senders } = options;
  // One follower and one sender queue for each chain; the other tasks are those of the organisation.
  const nameOf = (duty: Duty): string => (duty === 'follow' ? `follow:${chainId}` : duty);
  const queueOf = (sender: Address): string => `send:${chainId}:${sender}`;
  const leases = createLeases({
    store,
    ...(options.process ?? { holder: `${hostname()} ${process.pid} ${randomBytes(6).toString('hex')}` }),
    names: [...duties.map(nameOf), ...[...senders.keys()].map(queueOf)],
    spread: (name) => (name.startsWith('send:') ? 'send' : null),
    onChange: ({ name, leads }) => {
      log.info({ lease: name }, leads ? 'this server leads' : 'this server leads no more');
      options.onChange();
    },
    onError: (error) => log.warn({ err: error }, 'the leases could not be renewed'),
  });
  const stores = new Map<string, LedStore>();
  const storeOf = (lead: Leadership): LedStore => {
    const known = stores.get(lead.name);
    if (known?.lead === lead) return known;
    const led = ledBy(store, lead);
    stores.set(lead.name, led);
    return led;
  };
  await leases.round();
  return {
    leases,
    worker: (duty, make) =>
      ofTerm(
        () => leases.lead(nameOf(duty)),
        (lead) => make(storeOf(lead)),
      ),
    leads: (duty) => leases.lead(nameOf(duty)) !== null,
    during: (duty, act) => leases.during(nameOf(duty), (lead) => act(storeOf(lead))),
    queues: () =>
      [...senders].flatMap(([sender, role]) => {
        const lead = leases.lead(queueOf(sender));
        return lead ? [{ role, store: storeOf(lead) }] : [];
      }),
  };
}

/** One worker for each term: nothing that an earlier term remembers reaches the next one. */
function ofTerm<T>(
  leadNow: () => Leadership | null,
  make: (lead: Leadership) => T | Promise<T>,
): () => Promise<T | null> {
  let made: { lead: Leadership; worker: Promise<T> } | null = null;
  return async () => {
    const lead = leadNow();
    if (lead === null) {
      made = null;
      return null;
    }
    if (made?.lead !== lead) made = { lead, worker: (async () => make(lead))() };
    try {
      return await made.worker;
    } catch (error) {
      made = null;
      throw error;
    }
  };
}
