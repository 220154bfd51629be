import { getAddress } from 'viem';
import type { Me } from './session.tsx';
import { type Provider, signTyped, wallets } from './wallet.ts';

/**
 * Gets a signature over typed data by the account of the signed-in person, from this browser's wallet. Throws sentences: no wallet
 * (`instead` is the command to run where the key is), another account, another chain; or the wallet's error.
 */
export async function signAs(
  me: Me,
  typedData: unknown,
  instead: string,
): Promise<{ address: string; signature: string }> {
  const address = me.approver?.address;
  if (!address) throw new Error('You are signed in without a wallet address. Sign in with your approver wallet.');
  const provider = await walletOf(address, instead);
  return { address, signature: await signTyped(provider, address, typedData, me.chain.id) };
}

async function walletOf(address: string, instead: string): Promise<Provider> {
  const found = wallets();
  const [first] = found;
  if (!first) {
    throw new Error(`There is no wallet in this browser. Use one that holds ${address}, or run: ${instead}`);
  }
  for (const { provider } of found) if ((await accountsOf(provider, 'eth_accounts')).includes(address)) return provider;
  const shown = await accountsOf(first.provider, 'eth_requestAccounts');
  if (shown.includes(address)) return first.provider;
  throw new Error(
    `Your wallet is on ${shown[0] ?? 'no account'}; you are signed in as ${address}. Choose that account in your wallet, then try again.`,
  );
}

async function accountsOf(provider: Provider, method: 'eth_accounts' | 'eth_requestAccounts'): Promise<string[]> {
  return ((await provider.request({ method })) as string[]).map((account) => getAddress(account));
}
