import { describe, expect, it } from 'vitest';
import { relayerScene } from '../../../test/support/relayerScene.ts';
import { ledBy } from '../../store/leases/leadership.ts';
import { createLeases, type Leases } from '../../store/leases/leases.ts';
import { type KeyProvider, memoryKeys } from '../keys/keys.ts';

const scene = relayerScene();
const { attempts, outcome, queue, received, relayer } = scene;

const server = (holder: string): Leases => createLeases({ store: scene.store, holder, names: ['send'] });
/** The relayer of a server: it serves the queue while that server leads it. */
const relayerOf = (leases: Leases, keys?: KeyProvider) =>
  relayer({
    queues: () => {
      const lead = leases.lead('send');
      return lead ? [{ role: 'relayer', store: ledBy(scene.store, lead) }] : [];
    },
    ...(keys ? { keys } : {}),
  });
/** The lease goes from one to the other, as after an operator's act there. */
async function move(from: Leases, to: Leases): Promise<void> {
  const taken = to.during('send', async () => undefined);
  await expect.poll(() => from.round().then(() => to.lead('send')?.holder)).toBeDefined();
  await taken;
}
/** Counts what the node gets. */
function countSends(): { readonly count: number } {
  const sends = { count: 0 };
  scene.rpc.tell(({ method }) => {
    if (method === 'eth_sendRawTransaction') sends.count += 1;
    return 'pass' as const;
  });
  return sends;
}

describe('a sender queue of two servers', () => {
  it('sends nothing at the server that does not lead it', async () => {
    const [one, other] = [server('one'), server('other')];
    await one.round();
    await other.round();
    const transaction = await queue();
    expect(await relayerOf(other).tick()).toEqual({ chain: null, queues: [] });
    expect(await outcome(transaction)).toEqual({ kind: 'queued' });
    expect((await relayerOf(one).tick()).queues).toMatchObject([{ signed: 1, sent: 1 }]);
  });

  it('gets no second transaction from a server that was paused while it signed', async () => {
    const [one, other] = [server('one'), server('other')];
    const keys = memoryKeys(new Map([['relayer', scene.key]]));
    let resume = (): void => {};
    const paused = new Promise<void>((atSigning) => {
      const resumed = new Promise<void>((go) => {
        resume = go;
      });
      keys.signTransaction = (
        (sign) =>
        async (...asked: Parameters<KeyProvider['signTransaction']>) => {
          atSigning();
          await resumed;
          return sign(...asked);
        }
      )(keys.signTransaction.bind(keys));
    });
    const before = await received();
    const sends = countSends();
    const transaction = await queue();
    await one.round();
    const late = relayerOf(one, keys).tick();
    await paused;
    await move(one, other);
    expect((await relayerOf(other).tick()).queues).toMatchObject([{ signed: 1, sent: 1 }]);
    resume();
    await expect(late).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await attempts(transaction)).toHaveLength(1);
    expect(sends.count).toBe(1);
    expect((await relayerOf(other).tick()).queues).toMatchObject([{ mined: 1, signed: 0 }]);
    expect(await received()).toBe(before + 1n);
  });

  it('goes on with the stored transactions of the server before it, under their nonces', async () => {
    const [one, other] = [server('one'), server('other')];
    await one.round();
    scene.rpc.tell(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'));
    const transaction = await queue();
    expect(await relayerOf(one).tick()).toMatchObject({ chain: 'chain_unavailable' });
    const [stored] = await attempts(transaction);
    const sends = countSends();
    await move(one, other);
    expect((await relayerOf(other).tick()).queues).toMatchObject([{ signed: 0, sent: 1 }]);
    expect((await attempts(transaction)).map(({ hash }) => hash)).toEqual([stored?.hash]);
    expect(sends.count).toBe(1);
  });
});
