import type { BrowserContext } from 'playwright-core';
import { type Address, type Hex, numberToHex } from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';
import type { DevClient } from '../../src/app/local-chain/client.ts';

declare global {
  interface Window {
    /** Put there by `injectOwnerWallet`. */
    ownerWalletAnswers(request: unknown): Promise<{ result?: unknown; refusal?: Refusal }>;
  }
}

export type OwnerWallet = {
  account: PrivateKeyAccount | { address: Address };
  chainId: number;
  /** What a request to switch the chain leads to; undefined: the person says no. */
  switchesTo: number | undefined;
  /** Calls that it was asked to send, refused ones too. */
  asked: { from: Address; to: Address; data: Hex }[];
  /** Runs between the page's last look and the sending. */
  beforeSend: (() => Promise<void>) | null;
};

type Request = { method: string; params: unknown[] };
type Refusal = { code: number; message: string; data?: unknown };

/**
 * A browser wallet (EIP-1193, announced by EIP-6963) with a key that no server has: it signs and sends for real, to the local chain,
 * and throws objects with `code` and `data` as wallets do.
 */
export async function injectOwnerWallet(
  context: BrowserContext,
  client: DevClient,
  wallet: OwnerWallet,
): Promise<void> {
  const answer = async ({ method, params }: Request): Promise<unknown> => {
    const { account } = wallet;
    if (method === 'eth_requestAccounts' || method === 'eth_accounts') return [account.address.toLowerCase()];
    if (method === 'eth_chainId') return numberToHex(wallet.chainId);
    if (method === 'wallet_switchEthereumChain') {
      if (wallet.switchesTo === undefined) throw { code: 4001, message: 'User rejected the request.' };
      wallet.chainId = wallet.switchesTo;
      return null;
    }
    if (method === 'eth_call' || method === 'eth_getTransactionReceipt') {
      return client.request({ method, params } as Parameters<DevClient['request']>[0]);
    }
    if (!('signMessage' in account)) throw { code: 4100, message: 'Only looking.' };
    if (method === 'personal_sign') return account.signMessage({ message: { raw: params[0] as Hex } });
    if (method === 'eth_signTypedData_v4') return account.signTypedData(JSON.parse(String(params[1])));
    if (method !== 'eth_sendTransaction') throw { code: 4200, message: `The test's wallet does not know ${method}.` };
    const [call] = params as [OwnerWallet['asked'][number]];
    wallet.asked.push(call);
    await wallet.beforeSend?.();
    wallet.beforeSend = null;
    return client.sendTransaction({ account, to: call.to, data: call.data, gas: 500_000n });
  };
  await context.exposeFunction('ownerWalletAnswers', async (request: Request) => {
    try {
      return { result: await answer(request) };
    } catch (error) {
      return { refusal: refusalOf(error) };
    }
  });
  await context.addInitScript(() => {
    const provider = {
      request: async ({ method, params = [] }: { method: string; params?: unknown[] }) => {
        const { result, refusal } = await window.ownerWalletAnswers({ method, params });
        if (refusal) throw Object.assign(new Error(refusal.message), refusal);
        return result;
      },
    };
    const detail = Object.freeze({ info: { uuid: 'owner', name: "Owner's wallet" }, provider });
    addEventListener('eip6963:requestProvider', () =>
      dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail })),
    );
  });
}

/** Wallets hand on the node's own error: its code, its words and the revert data. */
function refusalOf(error: unknown): Refusal {
  let deepest = error as Partial<Refusal> & { cause?: unknown };
  for (let at: unknown = error; at !== null && typeof at === 'object'; at = (at as { cause?: unknown }).cause) {
    if (typeof (at as Refusal).data === 'string') deepest = at as Refusal;
  }
  const { code = -32_603, message = String(error), data } = deepest;
  return { code, message, ...(data === undefined ? {} : { data }) };
}
