import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AnchorChain,
  type AnchorScene,
  anchorer,
  anchorScene,
  other,
  startAnchorChain,
} from '../../../test/support/anchorScene.ts';
import { appendEvent } from '../../books/ledger/events.ts';
import { listHeads } from '../../books/transparency/heads.ts';
import { openChain } from '../node/chain.ts';
import { createAnchoring } from './anchoring.ts';

const DAY_MS = 86_400_000;
let chain: AnchorChain;
let scene: AnchorScene;
let nowMs: number;

beforeAll(async () => {
  chain = await startAnchorChain();
});
afterAll(() => chain?.stop());
beforeEach(async () => {
  scene = await anchorScene(chain);
  nowMs = scene.options.clock();
});
afterEach(() => scene.end());

const anchoring = (sender = anchorer.address) =>
  createAnchoring({
    ...scene.options,
    clock: () => nowMs,
    chain: openChain({
      chainId: chain.local.anvil.chainId,
      rpcUrl: chain.rpc.url,
      token: chain.local.usdc.address,
    }),
    registry: chain.local.registry,
    senders: [sender],
    everyMs: DAY_MS,
    wake: () => {},
  });
const sizes = async () => (await scene.store.read((tx) => listHeads(tx, 10))).map(({ size }) => size);
const somethingHappens = () =>
  scene.store.write((tx) => appendEvent(tx, { type: 'payment.denied', actor: 'agt_1' }, nowMs));

describe('the worker that anchors', () => {
  it('signs and queues one head a day, and only when something has happened', async () => {
    const worker = anchoring();
    await somethingHappens();
    await worker.tick();
    expect(await sizes()).toEqual([327, 306, 5]);
    nowMs += DAY_MS;
    await worker.tick();
    await worker.tick();
    expect(await sizes()).toEqual([329, 327, 306, 5]);
    expect(await worker.list(10)).toMatchObject([
      { size: 329, state: 'queued', sender: anchorer.address, requestedBy: 'bursar' },
    ]);
    nowMs += DAY_MS;
    await worker.tick();
    expect(await sizes()).toHaveLength(4);
    expect(await worker.list(10)).toHaveLength(1);
  });

  it('signs the head where the chain does not answer or nobody named its key, and queues nothing', async () => {
    await somethingHappens();
    nowMs += DAY_MS;
    chain.rpc.tell(() => 'drop');
    await anchoring().tick();
    expect((await sizes())[0]).toBe(329);
    chain.rpc.tell(() => 'pass');
    await somethingHappens();
    const answer = await anchoring(other.address).anchor('key_1', true);
    expect(answer.anchor).toBeNull();
    expect(answer.notSent?.reason).toContain('must name the anchorer');
    expect(answer.notSent?.call?.to).toBe(chain.local.registry);
    expect(await anchoring().list(10)).toEqual([]);
  });

  it('gives the anchor that is on its way to anyone who asks again', async () => {
    const worker = anchoring();
    const first = await worker.anchor('key_1', true);
    const second = await worker.anchor('key_1', true);
    expect(second.anchor?.transactionId).toBe(first.anchor?.transactionId);
    expect(await worker.list(10)).toHaveLength(1);
  });
});
