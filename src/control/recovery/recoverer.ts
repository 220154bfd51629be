import type { Address } from 'viem';
import { appendEvent } from '../../books/ledger/events.ts';
import { agentWalletAbi } from '../../chain/contracts/contracts.generated.ts';
import { readNonceWindow } from '../../chain/contracts/walletState.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { confirmNonce } from '../../chain/relayer/nonceTruth.ts';
import { adoptNonce, dropTransaction, nextNonce, withdrawTransaction } from '../../chain/relayer/transactions.ts';
import { BursarError } from '../../core/errors/base.ts';
import { eachInOrder } from '../../core/inOrder.ts';
import { followWindow } from '../../decide/payments/nonces.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { RowOf } from '../../store/statement.ts';
import { deployedWallets, orphanedTransactions } from './queries.ts';
import { adopted, mustAdopt } from './restored.ts';

export type RecovererOptions = {
  store: LedStore;
  chain: Chain;
  /** The addresses that a sender queue here sends from. */
  senders: readonly Address[];
  clock: () => number;
};

export type Recoverer = { tick(): Promise<void> };

type Orphan = RowOf<typeof orphanedTransactions>;
const WALLETS_AT_A_TIME = 20;

/**
 * Repairs books that are older than the chain, or that were made with other keys. The first round runs before anything is sent;
 * later rounds cost one read of the database.
 */
export function createRecoverer({ store, chain, senders, clock }: RecovererOptions): Recoverer {
  let probed = false;

  /** Books that differ from the wallets for any reason: each wallet's contract reports its epoch and its free nonces. */
  async function probe(): Promise<void> {
    const wallets = await store.read((tx) => tx.all(deployedWallets, { chain: chain.chainId }));
    for (let from = 0; from < wallets.length; from += WALLETS_AT_A_TIME) {
      const some = wallets.slice(from, from + WALLETS_AT_A_TIME);
      const windows = await Promise.all(some.map(({ address }) => readNonceWindow(chain, address)));
      await store.write(async (tx) => {
        await eachInOrder(some, async ({ agent_id }, index) => {
          const window = windows[index];
          if (window) await followWindow(tx, agent_id, chain.chainId, window);
        });
      });
    }
    probed = true;
  }

  /** Only after a restore: the operator's statement that the chain knows more nonces of our keys than the books. */
  async function adopt(): Promise<void> {
    for (const sender of senders) {
      const [mined, pooled] = await chain.run((client) =>
        Promise.all([
          client.getTransactionCount({ address: sender, blockTag: 'latest' }),
          client.getTransactionCount({ address: sender, blockTag: 'pending' }),
        ]),
      );
      const next = BigInt(Math.max(mined, pooled));
      // A number that is too high would leave a permanent gap, so this is repeated until the node's answers agree.
      if ((await confirmNonce(chain, sender, BigInt(mined))) === 'contradicted') {
        throw new BursarError('chain_inconsistent', {
          message: 'The node contradicts itself about a key.',
          details: { sender },
        });
      }
      await store.write(async (tx) => {
        const known = await nextNonce(tx, chain.chainId, sender);
        if (next > (known ?? 0n)) await adoptNonce(tx, { chainId: chain.chainId, sender }, next, clock());
      });
    }
    await store.write(adopted);
  }

  /** Transactions of a key that is no longer here go to the wallet's new executor, under the same wallet nonces. */
  async function requeue(orphans: readonly Orphan[]): Promise<void> {
    const replaced: Orphan[] = [];
    for (const orphan of orphans) {
      if (orphan.state === 'queued' || (await isReplaced(orphan))) replaced.push(orphan);
    }
    if (replaced.length === 0) return;
    await store.write(async (tx) => {
      let count = 0;
      for (const { id, state } of replaced) {
        const detail = 'The executor was replaced.';
        const gone =
          state === 'queued'
            ? await withdrawTransaction(tx, id)
            : await dropTransaction(tx, id, 'pending', { reason: 'sender_replaced', detail });
        if (gone) count += 1;
      }
      if (count === 0) return;
      const data = { transactions: count, senders: [...new Set(replaced.map(({ sender }) => sender))] };
      await appendEvent(tx, { type: 'transactions.requeued', actor: 'bursar', data }, clock());
    });
  }

  /** It is signed, so only the chain can void it: the wallet no longer accepts calls of that sender. */
  async function isReplaced({ wallet, sender, purpose }: Orphan): Promise<boolean> {
    // Deploying twice changes nothing.
    if (purpose.startsWith('deploy:')) return true;
    if (!wallet) return false;
    return chain.run(async (client) => {
      if ((await client.getCode({ address: wallet })) === undefined) return false;
      const executor = await client.readContract({ address: wallet, abi: agentWalletAbi, functionName: 'executor' });
      return executor !== sender;
    });
  }

  return {
    async tick(): Promise<void> {
      try {
        if (await store.read(mustAdopt)) await adopt();
        if (!probed) await probe();
        const orphans = await store.read((tx) => tx.all(orphanedTransactions, { chain: chain.chainId, senders }));
        if (orphans.length > 0) await requeue(orphans);
      } catch (error) {
        // The relayer reports it; the next round tries again.
        if (!(error instanceof BursarError) || !/^chain_(unavailable|inconsistent)$/.test(error.code)) throw error;
      }
    },
  };
}
