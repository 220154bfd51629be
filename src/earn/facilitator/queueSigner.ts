import { setTimeout as sleep } from 'node:timers/promises';
import type { FacilitatorEvmSigner } from '@x402/evm';
import { type Address, concat, encodeFunctionData, type Hex, isAddressEqual, type TypedDataDefinition } from 'viem';
import type { Chain } from '../../chain/node/chain.ts';
import { attemptsOf, latestAttempt } from '../../chain/relayer/attempts.ts';
import { outcomeOf } from '../../chain/relayer/outcomes.ts';
import { enqueueTransaction, withdrawTransaction } from '../../chain/relayer/transactions.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Store } from '../../store/store.ts';
import { transactionOfAttempt } from './queries.ts';
import { enqueueOnce, type SettlementKey } from './settlements.ts';

export type QueueSignerOptions = {
  store: Store;
  chain: Chain;
  /** The sender of the relayer's queue. */
  sender: Address;
  /** The only other contract that may be called besides the token: it deploys wallets (ERC-6492). */
  factory: Address;
  clock: () => number;
  /** A transaction was queued. */
  wake: () => void;
  /** How long a transaction may wait for its signature before it is withdrawn. */
  signWithinMs: number;
  /** How long a signed transaction is awaited before the answer is `settlement_pending`. */
  minedWithinMs: number;
  pollMs: number;
};

export const purposesOf = (payer: Address) => [`x402_settle:${payer}`, `x402_deploy:${payer}`] as const;

export type QueueSigner = FacilitatorEvmSigner & {
  /** The official code treats a failed read as a bad signature; this distinguishes them. */
  trouble(): BursarError | null;
  /** The hash of the mined transaction, which a fee replacement may have changed. */
  minedHash(hash: Hex): Hex;
};

/**
 * The signer of the official facilitator. It sends nothing itself but queues into the sender queue of the relayer's key, which owns
 * nonces, fees, replacement and recovery. Without a settlement it only reads.
 */
export function queueSigner(options: QueueSignerOptions, settlement: SettlementKey | null): QueueSigner {
  const { store, chain, clock } = options;
  const mined = new Map<Hex, Hex>();
  let trouble: BursarError | null = null;

  async function read<T>(run: Parameters<typeof chain.run<T>>[0]): Promise<T> {
    try {
      return await chain.run(run);
    } catch (error) {
      if (error instanceof BursarError) trouble = error;
      throw error;
    }
  }

  async function queue(to: Address, data: Hex): Promise<Hex> {
    if (settlement === null) throw new Error('This signer only reads.');
    const [settlePurpose, deployPurpose] = purposesOf(settlement.payer);
    const isToken = isAddressEqual(to, chain.token);
    if (!isToken && !isAddressEqual(to, options.factory)) throw new Error(`The relayer calls no ${to}.`);
    const wanted = {
      chainId: chain.chainId,
      sender: options.sender,
      to,
      data,
      purpose: isToken ? settlePurpose : deployPurpose,
      paymentIds: [],
      atMs: clock(),
    };
    const id = await store.write(async (tx) => {
      tx.afterCommit(options.wake);
      return isToken ? await enqueueOnce(tx, settlement, wanted) : (await enqueueTransaction(tx, wanted)).id;
    });
    return signedHash(id);
  }

  async function signedHash(id: bigint): Promise<Hex> {
    const until = performance.now() + options.signWithinMs;
    for (;;) {
      const outcome = await store.read((tx) => outcomeOf(tx, id));
      if (outcome === null) throw new Error('The transaction is unknown.');
      if (outcome.kind === 'mined' || outcome.kind === 'final') return outcome.txHash;
      if (outcome.kind === 'pending') return (await store.read((tx) => latestAttempt(tx, id))).hash;
      if (outcome.kind === 'dropped') throw new Error(`The transaction was not sent: ${outcome.reason}.`);
      // Withdrawn: nothing of it was sent. If that fails, it was signed just now.
      if (performance.now() > until && (await store.write((tx) => withdrawTransaction(tx, id)))) {
        throw new Error('The relayer is busy or out of gas; nothing was sent.');
      }
      await sleep(Math.min(options.pollMs, 25));
    }
  }

  async function receiptOf(hash: Hex) {
    const until = performance.now() + options.minedWithinMs;
    const row = await store.read((tx) => tx.get(transactionOfAttempt, { hash }));
    for (;;) {
      const hashes = row ? (await store.read((tx) => attemptsOf(tx, row.id))).map((attempt) => attempt.hash) : [hash];
      const receipts = await Promise.all(
        // A missing receipt and a node that does not answer are treated alike: wait.
        hashes.map((each) => chain.run((client) => client.getTransactionReceipt({ hash: each })).catch(() => null)),
      );
      const receipt = receipts.find((each) => each !== null);
      if (receipt) {
        mined.set(hash, receipt.transactionHash);
        return receipt;
      }
      if (row) {
        const outcome = await store.read((tx) => outcomeOf(tx, row.id));
        if (outcome?.kind === 'dropped') throw new Error(`The transaction was lost: ${outcome.reason}.`);
      }
      if (performance.now() > until) throw new Error(`Not mined within ${options.minedWithinMs} ms.`);
      await sleep(options.pollMs);
    }
  }

  return {
    getAddresses: () => [options.sender],
    readContract: (args) => read((client) => client.readContract({ ...args, args: args.args ?? [] })),
    verifyTypedData: ({ address, signature, ...typedData }) =>
      read((client) => client.verifyTypedData({ address, signature, ...(typedData as TypedDataDefinition) })),
    getCode: (args) => read((client) => client.getCode(args)),
    writeContract: async ({ address, abi, functionName, args, dataSuffix }) => {
      if (functionName !== 'transferWithAuthorization') throw new Error(`The relayer calls no ${functionName}.`);
      const data = encodeFunctionData({ abi, functionName, args: [...args] });
      return queue(address, dataSuffix ? concat([data, dataSuffix]) : data);
    },
    sendTransaction: ({ to, data }) => queue(to, data),
    waitForTransactionReceipt: ({ hash }) => receiptOf(hash),
    trouble: () => trouble,
    minedHash: (hash) => mined.get(hash) ?? hash,
  };
}
