import { type Address, erc20Abi } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { type MicroUsdc, microUsdc } from '../../core/money/microUsdc.ts';
import { nonceAt } from '../../decide/payments/nonces.ts';
import type { Chain } from '../node/chain.ts';
import { agentWalletAbi } from './contracts.generated.ts';

const NO_WALLET = 'The node knows no code where a wallet stands.';

export type WalletState = {
  owner: Address;
  guardian: Address;
  executor: Address;
  purse: Address;
  token: Address;
  registry: Address;
  approvers: readonly Address[];
  threshold: number;
  /** The version of the approvers' list; it grows with each new list. */
  approversVersion: bigint;
  /** Raised by guardian or owner; authorizations of an earlier epoch are void. */
  epoch: number;
  /** The lowest nonce such that it and all above it are free. */
  nextNonce: bigint;
  frozen: boolean;
  /** Epoch seconds. */
  validUntilS: number;
  allowListOn: boolean;
  perPayment: MicroUsdc;
  perPeriod: MicroUsdc;
  periodSeconds: number;
  spentInPeriod: MicroUsdc;
  remainingInPeriod: MicroUsdc;
  /** Null when no raise waits. */
  pendingRaise: { perPayment: MicroUsdc; perPeriod: MicroUsdc; effectiveAtS: number } | null;
  balance: MicroUsdc;
  purseBalance: MicroUsdc;
};

/** Reads the whole state of a wallet in one batch, at one block; null if there is no contract yet. Throws `chain_unavailable`. */
export async function readWalletState(chain: Chain, wallet: Address): Promise<WalletState | null> {
  return chain.run(async (client) => {
    const [code, blockNumber] = await Promise.all([client.getCode({ address: wallet }), client.getBlockNumber()]);
    if (code === undefined) return null;
    const at = { address: wallet, abi: agentWalletAbi, blockNumber } as const;
    const balanceOf = (account: Address) =>
      client.readContract({
        address: chain.token,
        abi: erc20Abi,
        functionName: 'balanceOf',
        args: [account],
        blockNumber,
      });
    const [roles, limits, figures, balance] = await Promise.all([
      Promise.all([
        client.readContract({ ...at, functionName: 'owner' }),
        client.readContract({ ...at, functionName: 'guardian' }),
        client.readContract({ ...at, functionName: 'executor' }),
        client.readContract({ ...at, functionName: 'purse' }),
        client.readContract({ ...at, functionName: 'token' }),
        client.readContract({ ...at, functionName: 'registry' }),
        client.readContract({ ...at, functionName: 'approvers' }),
      ]),
      Promise.all([
        client.readContract({ ...at, functionName: 'threshold' }),
        client.readContract({ ...at, functionName: 'frozen' }),
        client.readContract({ ...at, functionName: 'validUntil' }),
        client.readContract({ ...at, functionName: 'allowListOn' }),
        client.readContract({ ...at, functionName: 'periodSeconds' }),
        client.readContract({ ...at, functionName: 'pendingRaise' }),
        client.readContract({ ...at, functionName: 'approversVersion' }),
        client.readContract({ ...at, functionName: 'nonceWindow' }),
      ]),
      Promise.all([
        client.readContract({ ...at, functionName: 'perPayment' }),
        client.readContract({ ...at, functionName: 'perPeriod' }),
        client.readContract({ ...at, functionName: 'spentInPeriod' }),
        client.readContract({ ...at, functionName: 'remainingInPeriod' }),
      ]),
      balanceOf(wallet),
    ]);
    const [owner, guardian, executor, purse, token, registry, approvers] = roles;
    const [threshold, frozen, validUntilS, allowListOn, periodSeconds, raise, approversVersion, window] = limits;
    const [epoch, next] = window;
    const [perPayment, perPeriod, spentInPeriod, remainingInPeriod] = figures;
    const [raisePerPayment, raisePerPeriod, effectiveAtS] = raise;
    return {
      ...{ owner, guardian, executor, purse, token, registry, approvers },
      ...{ threshold, frozen, validUntilS, allowListOn, periodSeconds, approversVersion, epoch },
      nextNonce: nonceAt(epoch, next),
      perPayment: ceiling(perPayment),
      perPeriod: ceiling(perPeriod),
      spentInPeriod: microUsdc(spentInPeriod),
      remainingInPeriod: ceiling(remainingInPeriod),
      pendingRaise:
        effectiveAtS === 0
          ? null
          : { perPayment: ceiling(raisePerPayment), perPeriod: ceiling(raisePerPeriod), effectiveAtS },
      balance: microUsdc(balance),
      purseBalance: microUsdc(await balanceOf(purse)),
    };
  });
}

/**
 * Tells whether the wallet can never pay under that nonce again: it has paid, the window has moved past it, or its epoch is over;
 * only a log tells which. For deployed wallets: a node that has no code at the address knows nothing of nonces, which is
 * `chain_unavailable`.
 */
export async function isNonceUsed(
  chain: Chain,
  wallet: Address,
  nonce: bigint,
  blockNumber?: bigint,
): Promise<boolean> {
  return chain.run(async (client) => {
    const block = blockNumber === undefined ? {} : { blockNumber };
    const code = await client.getCode({ address: wallet, ...block });
    if (code === undefined) throw new BursarError('chain_unavailable', { message: NO_WALLET, details: { wallet } });
    return client.readContract({
      address: wallet,
      abi: agentWalletAbi,
      functionName: 'isNonceUsed',
      args: [nonce],
      ...block,
    });
  });
}

/**
 * Returns the version of the approvers' list that an approval must name; `booked` if the wallet is not deployed yet, or no node
 * answers.
 */
export async function approversVersionOf(chain: Chain, wallet: Address, booked: bigint): Promise<bigint> {
  const question = { address: wallet, abi: agentWalletAbi, functionName: 'approversVersion' } as const;
  return chain.run((client) => client.readContract(question)).catch(() => booked);
}

export type NonceWindow = { epoch: number; next: number };

/**
 * Returns the wallet's epoch and the first index from which on all are free. Throws `chain_unavailable` if no wallet is deployed.
 */
export async function readNonceWindow(chain: Chain, wallet: Address): Promise<NonceWindow> {
  return chain.run(async (client) => {
    const [code, answer] = await Promise.all([
      client.getCode({ address: wallet }),
      client.readContract({ address: wallet, abi: agentWalletAbi, functionName: 'nonceWindow' }).catch(() => null),
    ]);
    if (code === undefined || answer === null) {
      throw new BursarError('chain_unavailable', { message: NO_WALLET, details: { wallet } });
    }
    const [epoch, next] = answer;
    return { epoch, next };
  });
}

/** A ceiling may be any uint64. Amounts end at 2^53-1, so a higher ceiling is no limit. */
function ceiling(value: bigint): MicroUsdc {
  const most = 9_007_199_254_740_991n;
  return microUsdc(value > most ? most : value);
}
