import { getTypesForEIP712Domain, numberToHex, type TypedDataDomain, toHex } from 'viem';

/** EIP-1193, the interface of a browser wallet. */
export type Provider = { request(call: { method: string; params?: unknown[] }): Promise<unknown> };
type Announced = { info: { uuid: string; name: string }; provider: Provider };
declare global {
  interface Window {
    ethereum?: Provider;
  }
}

const announced = new Map<string, Announced>();

/** Wallets announce themselves (EIP-6963); older ones only set `window.ethereum`. */
export function listenForWallets(): void {
  addEventListener('eip6963:announceProvider', (event) => {
    const { detail } = event as CustomEvent<Announced>;
    announced.set(detail.info.uuid, detail);
  });
  dispatchEvent(new Event('eip6963:requestProvider'));
}

export function wallets(): { name: string; provider: Provider }[] {
  const found = [...announced.values()].map(({ info, provider }) => ({ name: info.name, provider }));
  if (found.length > 0) return found;
  return window.ethereum ? [{ name: 'Browser wallet', provider: window.ethereum }] : [];
}

export async function connect(provider: Provider): Promise<string> {
  const accounts = (await provider.request({ method: 'eth_requestAccounts' })) as string[];
  if (!accounts[0]) throw new Error('The wallet shows no account.');
  return accounts[0];
}

export async function signText(provider: Provider, address: string, text: string): Promise<string> {
  return (await provider.request({ method: 'personal_sign', params: [toHex(text), address] })) as string;
}

/** Asks the wallet to switch to that chain. Throws if it stays on another. */
export async function onChain(provider: Provider, chainId: number): Promise<void> {
  const current = async (): Promise<number> => Number(await provider.request({ method: 'eth_chainId' }));
  if ((await current()) === chainId) return;
  await provider.request({ method: 'wallet_switchEthereumChain', params: [{ chainId: numberToHex(chainId) }] });
  const now = await current();
  if (now !== chainId) throw new Error(`Your wallet is on chain ${now}; this is on chain ${chainId}. Switch it there.`);
}

type TypedData = { domain?: TypedDataDomain; types?: Record<string, unknown> };

/** Wallets sign typed data only for their current chain. */
export async function signTyped(
  provider: Provider,
  address: string,
  typedData: unknown,
  chainId: number,
): Promise<string> {
  await onChain(provider, chainId);
  const { domain = {}, types, ...rest } = typedData as TypedData;
  // A wallet that does not get the domain's own fields assumes that there are none, and signs something else (MetaMask does).
  const whole = { ...rest, domain, types: { EIP712Domain: getTypesForEIP712Domain({ domain }), ...types } };
  const params = [address, JSON.stringify(whole, (_, value) => (typeof value === 'bigint' ? value.toString() : value))];
  return (await provider.request({ method: 'eth_signTypedData_v4', params })) as string;
}

/** The error as text: wallets throw objects with a code (4001: the person refused). */
export function walletProblem(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: number; message?: string };
  if (code === 4001) return 'You declined it in your wallet.';
  if (code === 4902) return 'Your wallet does not know this chain. Add it there, then try again.';
  return message ?? String(error);
}
