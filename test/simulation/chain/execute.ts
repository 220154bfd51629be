import { type Address, getAddress, type Hex, zeroAddress } from 'viem';
import { predictAddresses, type WalletConfig } from '../../../src/chain/contracts/walletConfig.ts';
import { calledOf, type Log, logOf, Reverted } from './abi.ts';
import { vouchesFor } from './purse.ts';
import {
  authorizationKey,
  type ChainState,
  periodAt,
  spentAt,
  usdcOf,
  type WalletState,
  withIndexUsed,
} from './state.ts';

/** Where the contracts are, and the second of the block. */
export type Place = {
  token: Address;
  factory: Address;
  chainId: number;
  timestampS: number;
  /** By how much the node that is asked is wrong about nonces. */
  nonceShift?: number;
};
export type Call = { from: Address; to: Address; data: Hex };
export type Effect = { logs: Log[]; gas: bigint };

/**
 * Runs a call on the state, which it changes; throws `Reverted` with the state half changed, so callers work on a copy. An exact small
 * model of the effects of contracts/src and of USDC, with none of their code.
 */
export function execute(state: ChainState, place: Place, call: Call): Effect {
  const logs: Log[] = [];
  if (call.to === place.token) return { logs, gas: token(state, place, call, logs) };
  if (call.to === place.factory) return { logs, gas: factory(state, call, logs) };
  if (state.wallets.has(call.to)) return { logs, gas: wallet(state, place, call, logs) };
  const owner = state.purses.get(call.to);
  if (owner) return { logs, gas: purse(state, place, call, { owner, logs }) };
  // A call to an address without code succeeds and does nothing.
  return { logs, gas: 21_000n };
}

function move(state: ChainState, place: Place, logs: Log[], of: { from: Address; to: Address; amount: bigint }): void {
  const { from, to, amount } = of;
  const held = usdcOf(state, from);
  if (held < amount) throw new Reverted('Error', ['ERC20: transfer amount exceeds balance']);
  state.usdc.set(from, held - amount);
  state.usdc.set(to, usdcOf(state, to) + amount);
  logs.push(logOf(place.token, 'Transfer', { from, to, value: amount }));
}

function token(state: ChainState, place: Place, { from, data }: Call, logs: Log[]): bigint {
  const called = calledOf('usdc', data);
  switch (called?.name) {
    case 'transfer': {
      const [to, amount] = called.args as [Address, bigint];
      move(state, place, logs, { from, to, amount });
      return 45_000n;
    }
    case 'transferWithAuthorization': {
      const [payer, to, amount, after, before, nonce, signature] = called.args as [
        ...[Address, Address, bigint, bigint, bigint, Hex, Hex],
      ];
      const key = authorizationKey(payer, nonce);
      const now = BigInt(place.timestampS);
      if (now <= after) throw new Reverted('Error', ['FiatTokenV2: authorization is not yet valid']);
      if (now >= before) throw new Reverted('Error', ['FiatTokenV2: authorization is expired']);
      if (state.authorizations.has(key))
        throw new Reverted('Error', ['FiatTokenV2: authorization is used or canceled']);
      const terms = { from: payer, to, value: amount, validAfter: after, validBefore: before, nonce };
      if (!vouchesFor(state, place, terms, signature)) throw new Reverted('Error', ['FiatTokenV2: invalid signature']);
      state.authorizations.set(key, 'used');
      logs.push(logOf(place.token, 'AuthorizationUsed', { authorizer: payer, nonce }));
      move(state, place, logs, { from: payer, to, amount });
      return 90_000n;
    }
    default:
      throw new Reverted('Error', ['the model has no such function of the token']);
  }
}

function factory(state: ChainState, { data, to }: Call, logs: Log[]): bigint {
  const called = calledOf('factory', data);
  if (called?.name !== 'createWallet') throw new Reverted('Error', ['the model has no such function of the factory']);
  const config = called.args[0] as WalletConfig;
  const at = predictAddresses(to, config);
  if (state.wallets.has(at.wallet)) return 60_000n;
  const made = { purse: at.purse, executor: config.executor, frozen: false, epoch: 0, next: 0, window: 0n };
  state.wallets.set(at.wallet, { config, ...made, period: 0n, spent: 0n });
  state.purses.set(at.purse, at.wallet);
  logs.push(logOf(to, 'WalletCreated', { wallet: at.wallet, purse: at.purse, salt: config.salt, owner: config.owner }));
  return 3_200_000n;
}

type Item = { paymentId: Hex; payee: Address; amount: bigint; nonce: bigint; decisionHash: Hex };

function wallet(state: ChainState, place: Place, call: Call, logs: Log[]): bigint {
  const called = calledOf('wallet', call.data);
  const it = state.wallets.get(call.to) as WalletState;
  switch (called?.name) {
    case 'pay': {
      const [paymentId, payee, amount, nonce, digest, decisionHash] = called.args as [
        ...[Hex, Address, bigint, bigint, Hex, Hex],
      ];
      payAll(state, place, call, { digest, items: [{ paymentId, payee, amount, nonce, decisionHash }], logs });
      return 58_000n;
    }
    case 'payBatch': {
      const [digest, items] = called.args as [Hex, Item[]];
      payAll(state, place, call, { digest, items, logs });
      return 42_000n + 17_000n * BigInt(items.length);
    }
    case 'freeze':
    case 'unfreeze':
    case 'raiseEpoch': {
      const roles = called.name === 'unfreeze' ? [it.config.owner] : [it.config.owner, it.config.guardian];
      if (!roles.includes(call.from)) throw new Reverted('Error', ['the caller has not that role']);
      if (called.name !== 'raiseEpoch' && it.frozen === (called.name === 'freeze')) return 30_000n;
      const frozen = called.name === 'freeze' || (called.name === 'raiseEpoch' && it.frozen);
      const epoch = called.name === 'unfreeze' ? it.epoch : it.epoch + 1;
      const raised = epoch === it.epoch ? {} : { epoch, next: 0, window: 0n };
      if (called.name !== 'raiseEpoch')
        logs.push(logOf(call.to, frozen ? 'Frozen' : 'Unfrozen', { caller: call.from }));
      if (epoch !== it.epoch) logs.push(logOf(call.to, 'EpochRaised', { epoch, by: call.from }));
      state.wallets.set(call.to, { ...it, frozen, ...raised });
      return 50_000n;
    }
    default:
      throw new Reverted('Error', ['the model has no such function of a wallet']);
  }
}

type Paid = { digest: Hex; items: readonly Item[]; logs: Log[] };

/** `pay` and `payBatch` of AgentWallet.sol: all or none, the checks in their order. */
function payAll(state: ChainState, place: Place, { from, to: at }: Call, { digest, items, logs }: Paid): void {
  let it = state.wallets.get(at) as WalletState;
  const { config } = it;
  if (from !== it.executor) throw new Reverted('NotExecutor', [from, it.executor]);
  if (it.frozen) throw new Reverted('WalletFrozen');
  if (place.timestampS >= config.validUntil)
    throw new Reverted('WalletExpired', [BigInt(place.timestampS), BigInt(config.validUntil)]);
  if (items.length === 0 || items.length > 200) throw new Reverted('InvalidBatchSize', [BigInt(items.length), 200n]);
  let total = spentAt(it, place.timestampS);
  for (const { paymentId, payee, amount, nonce } of items) {
    if (payee === zeroAddress || payee === place.token || payee === at) throw new Reverted('InvalidPayee', [payee]);
    if (amount === 0n) throw new Reverted('ZeroAmount', [paymentId]);
    if (config.allowListOn && payee !== it.purse && !config.allowList.map((one) => getAddress(one)).includes(payee))
      throw new Reverted('PayeeNotAllowed', [payee]);
    if (amount > config.perPayment) throw new Reverted('PerPaymentCeilingExceeded', [amount, config.perPayment]);
    if (nonce >> 32n !== BigInt(it.epoch)) throw new Reverted('NonceOfAnotherEpoch', [nonce, it.epoch]);
    const used = withIndexUsed(it, Number(nonce & 0xffff_ffffn));
    if (used === 'used') throw new Reverted('NonceUsed', [nonce]);
    if (used === 'too_far') throw new Reverted('NonceTooFar', [nonce, 0n]);
    it = used;
    total += amount;
  }
  if (total > config.perPeriod) throw new Reverted('PeriodCeilingExceeded', [total, config.perPeriod]);
  state.wallets.set(at, { ...it, period: periodAt(it, place.timestampS), spent: total });
  for (const { paymentId, payee, amount, decisionHash } of items) {
    logs.push(logOf(at, 'PaymentExecuted', { paymentId, payee, policyDigest: digest, amount, decisionHash }));
    move(state, place, logs, { from: at, to: payee, amount });
  }
}

function purse(
  state: ChainState,
  place: Place,
  { from, to: at, data }: Call,
  { owner, logs }: { owner: Address; logs: Log[] },
): bigint {
  const called = calledOf('purse', data);
  const { executor, config } = state.wallets.get(owner) as WalletState;
  if (![executor, config.guardian, config.owner].includes(from)) throw new Reverted('NotWalletRole', [from]);
  switch (called?.name) {
    case 'sweep': {
      const [amount] = called.args as [bigint];
      logs.push(logOf(at, 'Swept', { caller: from, amount }));
      move(state, place, logs, { from: at, to: owner, amount });
      return 50_000n;
    }
    case 'cancelAuthorization': {
      const [nonce] = called.args as [Hex];
      const key = authorizationKey(at, nonce);
      if (state.authorizations.has(key))
        throw new Reverted('Error', ['FiatTokenV2: authorization is used or canceled']);
      state.authorizations.set(key, 'cancelled');
      logs.push(logOf(at, 'AuthorizationRevoked', { caller: from, nonce }));
      logs.push(logOf(place.token, 'AuthorizationCanceled', { authorizer: at, nonce }));
      return 60_000n;
    }
    default:
      throw new Reverted('Error', ['the model has no such function of a purse']);
  }
}
