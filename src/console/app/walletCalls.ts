import { type Address, decodeFunctionResult, encodeFunctionData, getAddress, type Hex, numberToHex } from 'viem';
import { agentWalletAbi } from '../../chain/contracts/contracts.generated.ts';
import { explainRevert, revertText } from '../../chain/contracts/reverts.ts';
import { connect, onChain, type Provider } from './wallet.ts';

/**
 * All of this asks the person's own wallet and its node, not our server: who may send, the contract's errors, and mined
 * transactions.
 */
type Call = { to: Address; data: Hex };
type Role = 'owner' | 'guardian' | 'pendingOwner';
const titles: Record<Role, string> = { owner: 'owner', guardian: 'guardian', pendingOwner: 'next owner' };
const LOOK_EVERY_MS = 1_000;

async function read(provider: Provider, to: Address, functionName: Role | 'registry'): Promise<Address> {
  const call = { to, data: encodeFunctionData({ abi: agentWalletAbi, functionName }) };
  const data = (await provider.request({ method: 'eth_call', params: [call, 'latest'] })) as Hex;
  if (data === '0x') throw new Error(`Your wallet's own node finds no contract at ${to}.`);
  return decodeFunctionResult({ abi: agentWalletAbi, functionName, data });
}

/** The role that may call an action; wallet and registry use the same names (Ownable2Step). */
export function rolesFor(action: string): Role[] {
  if (action.startsWith('accept_')) return ['pendingOwner'];
  return action === 'freeze' || action === 'cancel_raise' ? ['owner', 'guardian'] : ['owner'];
}

/**
 * The account that will send, on the right chain and in the right role by the current chain state. Throws a sentence otherwise,
 * before anything is sent.
 */
export async function sender(
  provider: Provider,
  { to, action, chainId }: { to: Address; action: string; chainId: number },
): Promise<Address> {
  const account = getAddress(await connect(provider));
  await onChain(provider, chainId);
  const roles = rolesFor(action);
  const holders = await Promise.all(roles.map(async (role) => ({ role, holder: await read(provider, to, role) })));
  if (holders.some(({ holder }) => holder === account)) return account;
  const who = holders.map(({ role, holder }) => `its ${titles[role]} ${holder}`).join(' or ');
  throw new Error(`${account} may not do this: only ${who} may. Choose that account in your wallet.`);
}

/** Tells whether the wallet contract uses that registry. */
export const usesRegistry = async (provider: Provider, wallet: Address, registry: Address): Promise<boolean> =>
  (await read(provider, wallet, 'registry')) === getAddress(registry);

/** Simulates the call, sends it, and returns its hash. Throws the contract's error. */
export async function send(provider: Provider, from: Address, { to, data }: Call): Promise<Hex> {
  const call = { from, to, data };
  try {
    await provider.request({ method: 'eth_call', params: [call, 'latest'] });
  } catch (error) {
    const refusal = refusalIn(error);
    throw refusal === null ? error : new Error(`The contract refuses it: ${refusal}. Nothing was sent.`);
  }
  const hash = await provider.request({ method: 'eth_sendTransaction', params: [{ ...call, value: '0x0' }] });
  return hash as Hex;
}

type Receipt = { status: Hex; blockNumber: Hex };

/** Waits until it is mined; returns its block. Throws the contract's reason if it reverted, and when the page was left. */
export async function mined(
  provider: Provider,
  { from, call, hash }: { from: Address; call: Call; hash: Hex },
  leave: AbortSignal,
): Promise<bigint> {
  for (;;) {
    leave.throwIfAborted();
    const request = { method: 'eth_getTransactionReceipt', params: [hash] };
    const receipt = (await provider.request(request)) as Receipt | null;
    if (receipt) {
      const block = BigInt(receipt.blockNumber);
      if (BigInt(receipt.status) === 1n) return block;
      throw new Error(
        `It was mined in block ${block} and reverted: ${await whyReverted(provider, from, call, block)}.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/**
 * Called again on the state before its block, it reverts for the same reason, unless an earlier transaction in the block was the
 * cause.
 */
async function whyReverted(provider: Provider, from: Address, { to, data }: Call, block: bigint): Promise<string> {
  try {
    await provider.request({ method: 'eth_call', params: [{ from, to, data }, numberToHex(block - 1n)] });
    return 'something in the same block before it was the cause';
  } catch (error) {
    return refusalIn(error) ?? 'for a reason that your wallet does not tell';
  }
}

/**
 * The contract's own error with its values, wherever the wallet put the revert data (EIP-1474 leaves that open). Null: it was no
 * revert.
 */
export function refusalIn(error: unknown, depth = 0): string | null {
  if (depth > 5 || error === null || typeof error !== 'object') return null;
  const { data, cause, originalError, error: inner, message } = error as Record<string, unknown>;
  if (typeof data === 'string' && data.startsWith('0x') && data.length >= 10) {
    const revert = explainRevert(data);
    const args = Object.entries(revert?.args ?? {}).map(([name, value]) => `${name} ${value}`);
    return revert ? [revert.error, ...args].join(', ') : revertText(data);
  }
  for (const next of [data, originalError, inner, cause]) {
    const found = refusalIn(next, depth + 1);
    if (found !== null) return found;
  }
  return typeof message === 'string' && /revert/i.test(message) ? message.slice(0, 200) : null;
}
