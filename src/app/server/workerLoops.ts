import type { App } from '../../api/operations/app.ts';
import type { EventLog } from '../../chain/anchors/eventLog.ts';
import type { Follower, TickReport } from '../../chain/follow/follower.ts';
import type { Relayer } from '../../chain/relayer/relayer.ts';
import { ceilingsRefresher } from '../../chain/settlement/ceilings.ts';
import type { QueueContext } from '../../chain/settlement/queue.ts';
import { createSettler } from '../../chain/settlement/settler.ts';
import { createCeilingsWatch } from '../../control/exposure/watch.ts';
import type { Recoverer } from '../../control/recovery/recoverer.ts';
import { mustAdopt } from '../../control/recovery/restored.ts';
import { createStopper } from '../../control/stop/stopper.ts';
import { createRouter } from '../../earn/revenue/router.ts';
import { createPayoutRunner } from '../../spend/payouts/runner.ts';
import { runDue } from '../../spend/recurring/runDue.ts';
import { cancelUnsigned } from '../../spend/x402/unsigned.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import { timeIn } from '../../store/time.ts';
import type { Config } from './config.ts';
import type { Duties } from './duties.ts';
import { noticesOf } from './noticesOf.ts';
import type { Step } from './workers.ts';

type Term<T> = () => Promise<T | null>;

/**
 * What this server does besides answering, in the order of a payment's way. A step does nothing while another server leads its task.
 */
export function workerLoops(parts: {
  app: App;
  config: Config;
  executors: QueueContext['executors'];
  duties: Duties;
  recoverer: Term<Recoverer>;
  relayer: Relayer;
  follower: Term<Follower>;
  followed: (report: TickReport) => void;
  eventLog: Term<EventLog | null>;
}): Step[][] {
  const { app, duties, config } = parts;
  const { chain, clock, gate, wake, policies, chainFacts, addresses } = app;
  const inForce = () => policies.current();
  const settling = duties.worker('settle', async (store) => ({
    stop: createStopper({ store, chain, senders: app.senders, clock }),
    settler: createSettler({ store, chain, factory: addresses.factory, executors: parts.executors, clock }),
    unsigned: () => cancelUnsigned(store, clock),
    ceilings: await ceilingsRefresher({ store, chain, clock }),
    watch: createCeilingsWatch({ store, policy: inForce, chain: chainFacts, clock }),
  }));
  const payouts = duties.worker('payouts', (store) => createPayoutRunner({ store, gate, clock, wake }));
  const schedules = duties.worker('schedules', (store) => () => recur(store, app));
  const notices = duties.worker('notices', (store) => noticesOf({ store, clock }, config.server));
  const router = duties.worker('revenue', (store) =>
    createRouter({
      store,
      policy: () => policies.active(),
      rulesIn: policies.rulesIn,
      chain: chainFacts,
      clock,
      wake,
    }),
  );
  const loops: Step[][] = [
    [
      { name: 'recover', run: async () => (await parts.recoverer())?.tick() },
      { name: 'stop', run: async () => (await settling())?.stop.tick() },
      { name: 'payouts', run: async () => (await payouts())?.tick() },
      { name: 'settle', run: async () => (await settling())?.settler.tick() },
      {
        name: 'relay',
        // Restored books know too few nonces of the keys, until the leader of the settlement has adopted the chain's.
        run: async () => {
          if (!(await app.store.read(mustAdopt))) await parts.relayer.tick();
        },
      },
      {
        name: 'follow',
        run: async () => {
          const report = await (await parts.follower())?.tick();
          if (report) parts.followed(report);
        },
      },
      { name: 'route revenue', run: async () => (await router())?.tick() },
      { name: 'recur', run: async () => (await schedules())?.() },
      { name: 'unsigned purchases', run: async () => (await settling())?.unsigned() },
      { name: 'ceilings', run: async () => (await settling())?.ceilings() },
      { name: 'ceilings watch', run: async () => (await settling())?.watch() },
    ],
    [{ name: 'anchor', run: async () => (await parts.eventLog())?.tick() }],
    // Servers of others: no payment waits for them, however slow they are.
    [{ name: 'notify', run: async () => (await notices())?.() }],
  ];
  return loops.map((steps) => steps.map(({ name, run }) => ({ name, run: () => policies.upToDate(run) })));
}

/** Schedules ask the gate like every caller; without a policy they wait. */
async function recur(store: LedStore, { policies, chainFacts, clock }: App): Promise<void> {
  if (!policies.current()) return;
  await store.write(async (tx) => {
    const rules = await policies.rulesIn(tx);
    return runDue(tx, { ...rules, chain: chainFacts, actor: 'bursar', atMs: await timeIn(tx, clock()) });
  });
}
