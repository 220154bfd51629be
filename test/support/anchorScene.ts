import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { devAccounts } from '../../src/app/local-chain/accounts.ts';
import { sendInOrder } from '../../src/app/local-chain/client.ts';
import { type LocalChain, startLocalChain } from '../../src/app/local-chain/localChain.ts';
import { type LyingRpc, startLyingRpc } from '../../src/app/local-chain/lyingRpc.ts';
import { appendEvent } from '../../src/books/ledger/events.ts';
import { type Head, type HeadOptions, originOf, signHead } from '../../src/books/transparency/heads.ts';
import { noteSigner } from '../../src/books/transparency/note.ts';
import { anchorCall } from '../../src/chain/anchors/anchorCall.ts';
import { ed25519Signer } from '../../src/core/crypto/ed25519.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../../src/store/testing/openTestStore.ts';

type Account = (typeof devAccounts)[0];
export const [owner, anchorer, thief, other] = devAccounts.slice(3) as [Account, Account, Account, Account];
export const logKey = ed25519Signer(Buffer.alloc(32, 5));

/** A chain with a registry, and a node in front of it that lies when it is told to. */
export type AnchorChain = { local: LocalChain; rpc: LyingRpc; stop(): Promise<void> };
/** A log of 328 events with heads of 5, 306 and 327. Payments `pay_0` to `pay_4` have two events each under the second head. */
export type AnchorScene = {
  store: Store;
  options: HeadOptions & { file: string };
  heads: Head[];
  anchorAs(account: Account, size: number, root: string): Promise<Hex[]>;
  /** The chain as it was before. */
  forget(): Promise<void>;
  end(): Promise<void>;
};

const AT_MS = 1_700_000_000_000;

export async function startAnchorChain(): Promise<AnchorChain> {
  const local = await startLocalChain({ owner, anchorer: anchorer.address });
  const rpc = await startLyingRpc(local.anvil.url);
  return {
    local,
    rpc,
    stop: async () => {
      await rpc.stop();
      await local.stop();
    },
  };
}

export async function anchorScene({ local, rpc }: AnchorChain): Promise<AnchorScene> {
  let snapshot = await local.client.snapshot();
  rpc.tell(() => 'pass');
  const folder = mkdtempSync(join(tmpdir(), 'bursar-anchors-'));
  const store = await openTestStore();
  const signer = noteSigner(originOf(local.anvil.chainId, local.registry), logKey);
  const options = { store, signer, file: join(folder, 'checkpoints'), clock: () => AT_MS };
  const heads: Head[] = [];
  for (const [count, name] of [
    [5, 'pay'],
    [300, 'pay'],
    [20, 'late'],
  ] as const) {
    await store.write(async (tx) => {
      for (let n = 0; n < count; n += 1) {
        await appendEvent(
          tx,
          { type: 'payment.denied', actor: 'agt_1', paymentId: `${name}_${n}`, data: { n } },
          AT_MS,
        );
      }
    });
    heads.push((await signHead(options, 'key_1')) as Head);
  }
  return {
    store,
    options,
    heads,
    anchorAs: (account, size, root) => sendInOrder(local.client, account, [anchorCall(local.registry, size, root)]),
    forget: async () => {
      await local.client.revert({ id: snapshot });
      snapshot = await local.client.snapshot();
    },
    end: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
      await local.client.revert({ id: snapshot });
    },
  };
}
