import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Address, encodeFunctionData } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AnchorChain,
  type AnchorScene,
  anchorer,
  anchorScene,
  logKey as key,
  other,
  owner,
  startAnchorChain,
  thief,
} from '../../../test/support/anchorScene.ts';
import { sendInOrder } from '../../app/local-chain/client.ts';
import { originOf } from '../../books/transparency/heads.ts';
import { leafHash } from '../../books/transparency/merkle.ts';
import { noteSigner, signCheckpoint } from '../../books/transparency/note.ts';
import { ed25519Signer } from '../../core/crypto/ed25519.ts';
import { query } from '../../store/statement.ts';
import { policyRegistryAbi } from '../contracts/contracts.generated.ts';
import { openChain } from '../node/chain.ts';
import { setAnchorerCall } from './anchorCall.ts';
import { checkAnchors } from './checkAnchors.ts';
import type { AnchorCheck } from './claims.ts';

let chain: AnchorChain;
let local: AnchorChain['local'];
let rpc: AnchorChain['rpc'];
let scene: AnchorScene;
let store: AnchorScene['store'];
let options: AnchorScene['options'];
let heads: AnchorScene['heads'];

beforeAll(async () => {
  chain = await startAnchorChain();
  ({ local, rpc } = chain);
});
afterAll(() => chain?.stop());

beforeEach(async () => {
  scene = await anchorScene(chain);
  ({ store, options, heads } = scene);
});
afterEach(() => scene.end());

const anchorAs: AnchorScene['anchorAs'] = (...given) => scene.anchorAs(...given);
const ownerSends = (functionName: 'transferOwnership', args: [Address]) =>
  sendInOrder(local.client, owner, [
    { to: local.registry, data: encodeFunctionData({ abi: policyRegistryAbi, functionName, args }) },
  ]);
const file = () => options.file;
const edit = (change: (text: string) => string) => writeFileSync(file(), change(readFileSync(file(), 'utf8')));

async function check(expectedOwner: Address | null = null): Promise<Map<string, AnchorCheck>> {
  const node = openChain({ chainId: local.anvil.chainId, rpcUrl: rpc.url, token: local.usdc.address });
  const checks = await checkAnchors({
    store,
    key: options.signer,
    file: options.file,
    chain: { chain: node, registry: local.registry, fromBlock: 0n, owner: expectedOwner, rpcHost: 'node.example' },
    pause: async () => {},
  });
  return new Map(checks.map((each) => [each.name, each]));
}
const failures = (checks: ReadonlyMap<string, AnchorCheck>) =>
  [...checks.values()].filter(({ ok }) => !ok).map(({ name }) => name);

describe('the check of anchors', () => {
  it('accepts a log whose heads are in the file and on the chain', async () => {
    for (const { size, root } of heads) await anchorAs(anchorer, size, root);
    const checks = await check();
    expect(failures(checks)).toEqual([]);
    expect(checks.get('anchor_chain_heads')?.detail).toContain('3 heads, of 5 to 327 events');
    expect(checks.get('anchor_rest')?.detail).toContain('1 of 328 events come after the last head');
  });

  it.each<[string, (text: string) => string, string[]]>([
    ['cut in its last note', (text) => text.slice(0, -30), ['anchor_file', 'anchor_file_complete']],
    ['cut to its first note', (text) => `${text.split('\n\n').slice(0, 2).join('\n\n')}\n\n`, ['anchor_file_complete']],
    [
      'without its first note',
      (text) => text.slice(text.indexOf('\n\n', text.indexOf('—')) + 2),
      ['anchor_file_complete'],
    ],
    ['empty', () => '', ['anchor_file_complete']],
    [
      'in another order',
      (text) =>
        text
          .split(/(?<=\n\n)(?=bursar)/)
          .reverse()
          .join(''),
      ['anchor_file'],
    ],
    ['with a size changed', (text) => text.replace('\n306\n', '\n307\n'), ['anchor_file', 'anchor_file_complete']],
    [
      'with a line taken out',
      (text) =>
        text
          .split('\n')
          .filter((_, n) => n !== 7)
          .join('\n'),
      ['anchor_file', 'anchor_file_complete'],
    ],
    ['no text at all', () => '\0\0\0', ['anchor_file', 'anchor_file_complete']],
  ])('names a file that is %s', async (_, change, expected) => {
    edit(change);
    expect(failures(await check())).toEqual(expected);
  });

  it('names a file that was deleted', async () => {
    rmSync(file());
    expect(failures(await check())).toEqual(['anchor_file_complete']);
  });

  it.each([
    ['another organisation', () => originOf(local.anvil.chainId, other.address), key],
    ['another chain', () => originOf(8_453, local.registry), key],
    ['another key', () => originOf(local.anvil.chainId, local.registry), ed25519Signer(Buffer.alloc(32, 6))],
  ])('names a head of %s in the file', async (_, origin, signedBy) => {
    const foreign = await signCheckpoint(noteSigner(origin(), signedBy), 327, Buffer.from(heads[2]?.root ?? '', 'hex'));
    edit((text) => `${text}${foreign.note}\n`);
    const checks = await check();
    expect(failures(checks)).toEqual(['anchor_file']);
    expect(checks.get('anchor_file')?.detail).toContain('is not signed by');
  });

  it('names two heads of one size, and an anchor that the log never was', async () => {
    await anchorAs(anchorer, heads[1]?.size ?? 0, heads[1]?.root ?? '');
    await anchorAs(owner, heads[1]?.size ?? 0, leafHash('another log').toString('hex'));
    const checks = await check();
    expect(failures(checks)).toEqual(['anchor_chain_heads', 'anchor_agreement']);
    expect(checks.get('anchor_chain_heads')?.detail).toContain(owner.address);
    expect(checks.get('anchor_agreement')?.detail).toContain('two logs were anchored as one');
  });

  it('names an anchor by a stolen key that claims the largest size', async () => {
    await anchorAs(anchorer, Number.MAX_SAFE_INTEGER, 'ff'.repeat(32));
    expect(failures(await check())).toEqual(['anchor_chain_heads']);
  });

  it('names an anchor of more events than the log has', async () => {
    await anchorAs(anchorer, 1_000, heads[2]?.root ?? '');
    const checks = await check();
    expect(failures(checks)).toEqual(['anchor_chain_heads']);
    expect(checks.get('anchor_chain_heads')?.detail).toContain('672 or more were deleted');
  });

  it('names a registry that changed hands, until the new owner is configured', async () => {
    await ownerSends('transferOwnership', [thief.address]);
    const accept = encodeFunctionData({ abi: policyRegistryAbi, functionName: 'acceptOwnership' });
    await sendInOrder(local.client, thief, [{ to: local.registry, data: accept }]);
    const checks = await check();
    expect(failures(checks)).toEqual(['anchor_registry_owner']);
    expect(checks.get('anchor_registry_owner')?.detail).toContain(`from ${owner.address} to ${thief.address}`);
    expect(failures(await check(thief.address))).toEqual([]);
    expect(failures(await check(owner.address))).toEqual(['anchor_registry_owner']);
  });

  it('keeps the anchors of an anchorer that was replaced', async () => {
    await anchorAs(anchorer, heads[0]?.size ?? 0, heads[0]?.root ?? '');
    await sendInOrder(local.client, owner, [setAnchorerCall(local.registry, other.address)]);
    await anchorAs(other, heads[1]?.size ?? 0, heads[1]?.root ?? '');
    const checks = await check();
    expect(failures(checks)).toEqual([]);
    expect(checks.get('anchor_chain_heads')?.detail).toContain('2 heads');
    await expect(anchorAs(anchorer, 400, heads[2]?.root ?? '')).rejects.toThrow();
  });

  it.each<[string, number[]]>([
    ['no log at all', []],
    ['no newest anchor', [0, 1]],
  ])('names a node that answers with %s, after asking again', async (_, kept) => {
    for (const { size, root } of heads) await anchorAs(anchorer, size, root);
    let asked = 0;
    rpc.tell(({ method }) => {
      if (method !== 'eth_getLogs') return 'pass';
      asked += 1;
      return {
        edit: (logs: { topics: string[] }[]) => {
          const anchors = logs.filter(({ topics }) => topics.length === 4);
          const left = kept.map((n) => anchors[n]);
          return kept.length === 0 ? [] : [...logs.filter(({ topics }) => topics.length !== 4), ...left];
        },
      };
    });
    const checks = await check();
    expect(failures(checks)).toEqual(['anchor_chain']);
    expect(checks.get('anchor_chain')?.detail).toContain('The RPC at node.example contradicts itself');
    expect(asked).toBeGreaterThan(1);
  });

  it('believes a node that lied once and then told the truth', async () => {
    for (const { size, root } of heads) await anchorAs(anchorer, size, root);
    let asked = 0;
    rpc.tell(({ method }) => {
      if (method !== 'eth_getLogs') return 'pass';
      asked += 1;
      return asked === 1 ? { result: [] } : 'pass';
    });
    expect(failures(await check())).toEqual([]);
  });

  it('names a node that changes the root of an anchor', async () => {
    for (const { size, root } of heads) await anchorAs(anchorer, size, root);
    rpc.tell(({ method }) =>
      method === 'eth_getLogs'
        ? {
            edit: (logs: { topics: string[] }[]) =>
              logs.map((log) =>
                log.topics.length === 4
                  ? { ...log, topics: log.topics.map((t, n) => (n === 2 ? `0x${'ab'.repeat(32)}` : t)) }
                  : log,
              ),
          }
        : 'pass',
    );
    expect(failures(await check())).toEqual(expect.arrayContaining(['anchor_chain', 'anchor_chain_heads']));
  });

  it.each<[string, { result: unknown } | { error: { code: number; message: string } } | 'drop']>([
    ['refuses', { error: { code: -32_000, message: 'no logs here' } }],
    ['answers nonsense', { result: 'nonsense' }],
    ['is gone', 'drop'],
  ])('says so where the node %s, and still checks the file', async (_, lie) => {
    rpc.tell(({ method }) => (method === 'eth_getLogs' ? lie : 'pass'));
    const checks = await check();
    expect(failures(checks)).toEqual(['anchor_chain']);
    expect(checks.get('anchor_file_heads')?.detail).toContain('3 heads');
  });

  it('names an event outside the numbers of the log', async () => {
    await store.write((tx) =>
      tx.run(
        query((db) =>
          db.insertInto('events').values({ seq: -7n, at: 1n, type: 'payment.denied', body: '{}', hash: 'x' }),
        ),
      ),
    );
    expect(failures(await check())).toEqual(['anchor_numbering']);
  });
});
