import {
  type Address,
  decodeFunctionData,
  deploylessCallViaBytecodeBytecode,
  domainSeparator,
  encodeFunctionResult,
  getContractAddress,
  type Hex,
  multicall3Abi,
  zeroAddress,
} from 'viem';
import { type Called, calledOf, Reverted } from './abi.ts';
import type { Block } from './block.ts';
import { execute, type Place } from './execute.ts';
import { TOKEN_NAME, TOKEN_VERSION } from './purse.ts';
import { authorizationKey, type ChainState, copyOf, isIndexUsed, senderOf, spentAt, usdcOf } from './state.ts';

export type Question = { from: Address; to: Address | null; data: Hex };

/** The answer to `eth_call` after a block: '0x' where there is no code. Throws `Reverted`. */
export function callAt(block: Block, place: Place, { from, to, data }: Question): Hex {
  const { state } = block;
  if (to === null) return created(block, place, from, data);
  if (to === place.token) return tokenView(state, place, data);
  if (state.wallets.has(to)) return walletView(state, place, to, data);
  if (to === place.factory || state.purses.has(to)) throw new Reverted('Error', ['the model has no such view']);
  return '0x';
}

/** The gas of a transaction after a block. Throws `Reverted`. */
export function gasOf(block: Block, place: Place, call: { from: Address; to: Address; data: Hex }): bigint {
  return execute(copyOf(block.state), place, call).gas;
}

/** A creation inside a call: viem's multicall without deployment, or the relayer's question for its own nonce. */
function created(block: Block, place: Place, from: Address, data: Hex): Hex {
  if (!data.startsWith(deploylessCallViaBytecodeBytecode)) {
    const { nonce } = senderOf(block.state, from);
    const told = Math.max(0, nonce + (place.nonceShift ?? 0));
    const address = getContractAddress({ opcode: 'CREATE', from, nonce: BigInt(told) });
    return `0x${address.slice(2).toLowerCase().padStart(64, '0')}`;
  }
  const { args } = decodeFunctionData({ abi: multicall3Abi, data: secondBytes(data) });
  const calls = args[0] as readonly { target: Address; callData: Hex }[];
  const results = calls.map(({ target, callData }) => {
    try {
      return { success: true, returnData: callAt(block, place, { from, to: target, data: callData }) };
    } catch (error) {
      if (!(error instanceof Reverted)) throw error;
      return { success: false, returnData: error.data };
    }
  });
  return encodeFunctionResult({ abi: multicall3Abi, functionName: 'aggregate3', result: results });
}

/** The second of two `bytes` arguments behind the creation code: the call itself. */
function secondBytes(data: Hex): Hex {
  const args = data.slice(deploylessCallViaBytecodeBytecode.length);
  const at = Number(BigInt(`0x${args.slice(64, 128)}`)) * 2;
  const length = Number(BigInt(`0x${args.slice(at, at + 64)}`)) * 2;
  return `0x${args.slice(at + 64, at + 64 + length)}`;
}

function tokenView(state: ChainState, place: Place, data: Hex): Hex {
  const called = calledOf('usdc', data);
  const value = called && tokenValue(state, place, called);
  if (!called || value === undefined) throw new Reverted('Error', ['the model has no such view of the token']);
  return called.answer(value);
}

function tokenValue(state: ChainState, place: Place, { name, args }: Called): unknown {
  switch (name) {
    case 'balanceOf':
      return usdcOf(state, args[0] as Address);
    case 'authorizationState':
      return state.authorizations.has(authorizationKey(args[0] as Address, args[1] as Hex));
    case 'paused':
    case 'isBlacklisted':
      return false;
    case 'name':
      return TOKEN_NAME;
    case 'version':
      return TOKEN_VERSION;
    case 'decimals':
      return 6;
    case 'DOMAIN_SEPARATOR': {
      const { token: verifyingContract, chainId } = place;
      return domainSeparator({ domain: { name: TOKEN_NAME, version: TOKEN_VERSION, chainId, verifyingContract } });
    }
    default:
      return undefined;
  }
}

function walletView(state: ChainState, place: Place, at: Address, data: Hex): Hex {
  const called = calledOf('wallet', data);
  const values = called && walletValues(state, place, at, called);
  if (!called || values === null) throw new Reverted('Error', ['the model has no such view of a wallet']);
  return called.answer(...values);
}

function walletValues(state: ChainState, place: Place, at: Address, { name, args }: Called): readonly unknown[] | null {
  const wallet = state.wallets.get(at);
  if (!wallet) return null;
  const { config, epoch } = wallet;
  const spent = spentAt(wallet, place.timestampS);
  switch (name) {
    case 'owner':
    case 'guardian':
    case 'approvers':
    case 'threshold':
    case 'validUntil':
    case 'allowListOn':
    case 'periodSeconds':
    case 'perPayment':
    case 'perPeriod':
      return [config[name]];
    case 'executor':
    case 'purse':
    case 'frozen':
      return [wallet[name]];
    case 'token':
      return [place.token];
    case 'registry':
      return [zeroAddress];
    case 'pendingRaise':
      return [0n, 0n, 0];
    case 'approversVersion':
      return [1n];
    case 'nonceWindow':
      return [epoch, wallet.next, wallet.window];
    case 'spentInPeriod':
      return [spent];
    case 'remainingInPeriod':
      return [spent < config.perPeriod ? config.perPeriod - spent : 0n];
    case 'isAllowed':
      return [args[0] === wallet.purse || config.allowList.includes(args[0] as Address)];
    case 'isApprovalRevoked':
    case 'isPaidByApproval':
      return [false];
    case 'isNonceUsed': {
      const nonce = args[0] as bigint;
      const named = Number(nonce >> 32n);
      return [named === epoch ? isIndexUsed(wallet, Number(nonce & 0xffff_ffffn)) : named < epoch];
    }
    default:
      return null;
  }
}

export const codeAt = (state: ChainState, place: Place, address: Address): Hex => {
  const known =
    address === place.token || address === place.factory || state.wallets.has(address) || state.purses.has(address);
  return known ? '0x6001' : '0x';
};
