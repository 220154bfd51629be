import { createPublicClient, http } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AnchorChain,
  type AnchorScene,
  anchorer,
  anchorScene,
  other,
  owner,
  startAnchorChain,
} from '../../../test/support/anchorScene.ts';
import { type Head, listHeads, newestHead } from '../../books/transparency/heads.ts';
import { leafHash } from '../../books/transparency/merkle.ts';
import { formatVerifierKey, noteSigner, signCheckpoint } from '../../books/transparency/note.ts';
import { type InclusionDocument, proveInclusion } from '../../books/transparency/proof.ts';
import { ed25519Signer } from '../../core/crypto/ed25519.ts';
import { verifyInclusion } from './verifyInclusion.ts';

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

describe('an inclusion proof', () => {
  let document: InclusionDocument;
  const client = () => createPublicClient({ transport: http(rpc.url, { retryCount: 0 }) });
  const question = () => ({ client: client(), registry: local.registry });

  beforeEach(async () => {
    const head = heads[1] as Head;
    const [hash] = await anchorAs(anchorer, head.size, head.root);
    const receipt = await local.client.getTransactionReceipt({ hash: hash as `0x${string}` });
    const { name, publicKey } = options.signer;
    const log = { name, publicKey, chainId: local.anvil.chainId, registry: local.registry };
    const proven = await store.read(async (tx) =>
      proveInclusion(
        tx,
        log,
        { heads: (await listHeads(tx, 10)).filter(({ size }) => size === head.size), anchors: [] },
        { payment: 'pay_4' },
      ),
    );
    document = {
      ...proven,
      anchor: { tx_hash: receipt.transactionHash, block_number: `${receipt.blockNumber}`, by: anchorer.address },
    };
  });

  const wrong = async (changed: unknown, asked: Partial<Parameters<typeof verifyInclusion>[1]> = {}) => {
    const verdict = await verifyInclusion(changed, { ...question(), ...asked });
    expect(verdict.ok).toBe(false);
    expect(verdict.events).toEqual([]);
    expect(verdict.anchored).toBeNull();
    return verdict.findings.filter(({ ok }) => !ok).map(({ check: name }) => name);
  };

  it('is accepted with the registry known from elsewhere', async () => {
    const verdict = await verifyInclusion(document, question());
    expect(verdict.findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(verdict.events.map(({ body }) => body.payment)).toEqual(['pay_4', 'pay_4']);
    expect(verdict.anchored).toMatchObject({ size: heads[1]?.size, by: anchorer.address });
  });

  it('says where a head is signed only', async () => {
    const verdict = await verifyInclusion({ ...document, anchor: null }, question());
    expect(verdict).toMatchObject({ ok: true, anchored: null });
    expect(verdict.findings.at(-1)?.detail).toContain('not on the chain yet');
  });

  it.each<[string, (d: InclusionDocument) => unknown, string[]]>([
    [
      'an event changed',
      (d) => ({ ...d, entries: d.entries.map((e) => ({ ...e, event: e.event.replace('"n":4', '"n":5') })) }),
      ['event 1', 'event 2'],
    ],
    [
      'two events swapped',
      (d) => ({ ...d, entries: [{ event: d.entries[1]?.event, proof: d.entries[0]?.proof }, d.entries[1]] }),
      ['event 1'],
    ],
    [
      'another index',
      (d) => ({ ...d, entries: d.entries.map((e) => ({ ...e, proof: e.proof.replace(/index \d+/, 'index 9') })) }),
      ['event 1', 'event 2'],
    ],
    [
      'a hash taken out',
      (d) => ({
        ...d,
        entries: d.entries.map((e) => ({
          ...e,
          proof: e.proof
            .split('\n')
            .filter((_, n) => n !== 3)
            .join('\n'),
        })),
      }),
      ['event 1', 'event 2'],
    ],
    [
      'extra data',
      (d) => ({
        ...d,
        entries: d.entries.map((e) => ({ ...e, proof: e.proof.replace('\nindex', '\nextra AAAA\nindex') })),
      }),
      ['event 1', 'event 2'],
    ],
    [
      'another checkpoint',
      async (d) => ({ ...d, checkpoint: await newestHeadNote() }),
      ['event 1', 'event 2', 'anchor'],
    ],
    ['a checkpoint changed', (d) => ({ ...d, checkpoint: d.checkpoint.replace('\n306\n', '\n305\n') }), ['checkpoint']],
    ['another registry', (d) => ({ ...d, log: { ...d.log, registry: other.address } }), ['origin', 'organisation']],
    ['another chain', (d) => ({ ...d, log: { ...d.log, chain_id: 8_453 } }), ['origin', 'anchor']],
    [
      'a transaction that is not there',
      (d) => ({ ...d, anchor: { ...d.anchor, tx_hash: `0x${'1'.repeat(64)}` } }),
      ['anchor'],
    ],
    [
      'a key that does not belong',
      (d) => ({
        ...d,
        log: {
          ...d.log,
          verifier_key: formatVerifierKey(noteSigner(d.log.origin, ed25519Signer(Buffer.alloc(32, 9)))),
        },
      }),
      ['checkpoint'],
    ],
    ['a field more', (d) => ({ ...d, more: 1 }), ['form']],
    ['nothing', () => null, ['form']],
  ])('is refused with %s', async (_, change, expected) => {
    expect(await wrong(await change(document))).toEqual(expected);
  });

  it('is refused for the organisation of another registry, and for another key than the known one', async () => {
    expect(await wrong(document, { registry: other.address })).toEqual(['organisation', 'anchor']);
    const known = formatVerifierKey(noteSigner(options.signer.name, ed25519Signer(Buffer.alloc(32, 9))));
    expect(await wrong(document, { verifierKey: known })).toEqual(['log key']);
  });

  it('of a log that somebody else signed in the name of the organisation finds no anchor', async () => {
    const forger = noteSigner(options.signer.name, ed25519Signer(Buffer.alloc(32, 9)));
    const { note } = await signCheckpoint(forger, 1, leafHash('{"seq":1}'));
    const forged = {
      ...document,
      log: { ...document.log, verifier_key: formatVerifierKey(forger) },
      checkpoint: note,
      entries: [{ event: '{"seq":1}', proof: `c2sp.org/tlog-proof@v1\nindex 0\n\n${note}` }],
    };
    expect(await wrong(forged)).toEqual(['anchor']);
  });

  it('is refused where the node makes the anchor up and its state knows nothing of it', async () => {
    await scene.forget();
    const real = await anchorAs(owner, 1, '00'.repeat(32));
    rpc.tell(({ method }) =>
      method === 'eth_getTransactionReceipt'
        ? {
            edit: (receipt: { logs: { topics: string[] }[] }) => ({
              ...receipt,
              logs: receipt.logs.map((log) => ({
                ...log,
                topics: [
                  log.topics[0],
                  `0x${(heads[1]?.size ?? 0).toString(16).padStart(64, '0')}`,
                  `0x${heads[1]?.root}`,
                  log.topics[3],
                ],
              })),
            }),
          }
        : 'pass',
    );
    const lied = { ...document, anchor: { ...document.anchor, tx_hash: real[0] } };
    expect(await wrong(lied)).toEqual(['anchor']);
  });

  async function newestHeadNote(): Promise<string> {
    return (await store.read(newestHead))?.note ?? '';
  }
});
