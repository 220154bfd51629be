import type { Address } from 'viem';
import { appendEvent } from '../../books/ledger/events.ts';
import { type Call, ownerCalls } from '../../chain/contracts/agentWallet.ts';
import { cancelAuthorizationCall, isAuthorizationUsed, sweepCall } from '../../chain/contracts/purse.ts';
import { isNonceUsed, readWalletState, type WalletState } from '../../chain/contracts/walletState.ts';
import type { Chain } from '../../chain/node/chain.ts';
import { outcomesByPurpose } from '../../chain/relayer/outcomes.ts';
import { enqueueTransaction, withdrawTransaction } from '../../chain/relayer/transactions.ts';
import { isLostNonce } from '../../chain/settlement/renumber.ts';
import { BursarError } from '../../core/errors/base.ts';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { getAgent } from '../../decide/identity/agents.ts';
import type { Agent } from '../../decide/identity/identity.ts';
import { findPayment } from '../../decide/payments/records.ts';
import type { LedStore } from '../../store/leases/leadership.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { endDead, unsignable } from './deadPayments.ts';
import { callsSent, firstCallLike, firstOpenCallLike, queuedCalls, stuckSenders } from './queries.ts';
import { type ChainPart, type ChainStep, noteChain, openStops, type Stop } from './records.ts';
import { type LiveAuthorization, liveAuthorizations, riskOf } from './risk.ts';
import { endPayments } from './stopAgent.ts';

export type StopperOptions = {
  store: LedStore;
  chain: Chain;
  /** The addresses that a sender queue here sends from. */
  senders: readonly Address[];
  clock: () => number;
};

/** The number of stopped agents checked in one round. */
const STOPS_PER_TICK = 20;

/** The result of one read of the chain. `state` null: there is no contract (yet), or no answer (`answers` false). */
type Seen = {
  answers: boolean;
  state: WalletState | null;
  /** Open authorizations by the books, with the state of their nonce on chain. */
  live: { authorization: LiveAuthorization; used: boolean }[];
  /** Payments of which no signed transaction can pay any more, and whose nonce the wallet has not used. */
  dead: string[];
};

/** One stop and the tools of this round. `freezer`, `sweeper`: our keys that may send such a call, if any. */
type Round = {
  stop: Stop;
  agent: Agent;
  seen: Seen;
  freezer: Address | null;
  sweeper: Address | null;
  atMs: number;
};

/**
 * Follows stopped agents on chain until nothing is at risk: freezes the wallet first, since the purse of a frozen wallet accepts no
 * signature; cancels each authorization; sweeps the purse when sellers can no longer draw on it. Each round checks again, so it
 * repeats what a crash, a reorg or a late top-up undid.
 */
export function createStopper({ store, chain, senders, clock }: StopperOptions) {
  let after = 0n;

  async function look(stop: Stop): Promise<Seen> {
    const { agent, isMade, live, maybeDead } = await store.read(async (tx) => ({
      agent: await getAgent(tx, stop.agentId),
      isMade: await wasMade(tx, stop.agentId),
      live: await liveAuthorizations(tx, stop.agentId),
      maybeDead: await unsignable(tx, stop.agentId),
    }));
    const wallet = agent.wallet?.address;
    if (!wallet) return { answers: true, state: null, live: [], dead: [] };
    try {
      const [state, used, never] = await Promise.all([
        readWalletState(chain, wallet),
        Promise.all(live.map(({ purse, nonce }) => isAuthorizationUsed(chain, purse, nonce))),
        Promise.all(maybeDead.map(({ id }) => canNeverPay(id, wallet))),
      ]);
      // A deployed wallet does not disappear: a node without its code cannot answer.
      if (state === null && isMade) return nothingKnown(live);
      return {
        answers: true,
        state,
        live: live.map((authorization, index) => ({ authorization, used: used[index] ?? false })),
        dead: maybeDead.filter((_, index) => never[index] === true).map(({ id }) => id),
      };
    } catch (error) {
      if (!(error instanceof BursarError) || error.code !== 'chain_unavailable') throw error;
      return nothingKnown(live);
    }
  }

  const nothingKnown = (live: LiveAuthorization[]): Seen => ({
    answers: false,
    state: null,
    live: live.map((authorization) => ({ authorization, used: false })),
    dead: [],
  });

  /** For a payment without a signed transaction that can be mined: its nonce is unused, or can never pay and did not. */
  async function canNeverPay(id: string, wallet: Address): Promise<boolean> {
    const payment = await store.read((tx) => findPayment(tx, id));
    if (!payment || payment.walletNonce === null) return false;
    if (!(await isNonceUsed(chain, wallet, payment.walletNonce))) return true;
    return isLostNonce({ store, chain }, payment);
  }

  async function act(tx: Tx, stop: Stop, seen: Seen): Promise<void> {
    const atMs = clock();
    const agent = await getAgent(tx, stop.agentId);
    if (agent.status === 'active') {
      // The agent was activated again, so its current activity must not be undone.
      await noteChain(tx, stop, { ...stop, chain: stop.chain ?? nothingSeen, endedAtMs: atMs });
      return;
    }
    await endPayments(tx, { actor: 'bursar', atMs }, agent.id);
    for (const id of seen.dead) await endDead(tx, id, atMs);
    const able = await ableSenders(tx, senders);
    const freezer = seen.state && mayAct(seen.state, able, ['guardian', 'owner']);
    const sweeper = seen.state && mayAct(seen.state, able, ['guardian', 'executor', 'owner']);
    const round = { stop, agent, seen, freezer, sweeper, atMs };
    const steps = [await freezeStep(tx, round), await cancelStep(tx, round), await sweepStep(tx, round)];
    const purse = seen.state?.purseBalance ?? (seen.answers ? 0n : null);
    const risk = await riskOf(tx, agent.id, purse);
    steps.push({
      step: 'signed_payments',
      state: risk.signedPayments > 0n ? 'waiting' : 'done',
      detail:
        risk.signedPayments > 0n
          ? `${formatUsdc(risk.signedPayments)} USDC signed before the stop; each settles or reverts`
          : 'None is on its way',
      call: null,
    });
    const frozenAtMs = stop.frozenAtMs ?? (seen.state?.frozen ? atMs : null);
    const safeAtMs = seen.answers && risk.total === 0n ? (stop.safeAtMs ?? atMs) : seen.answers ? null : stop.safeAtMs;
    const over =
      seen.answers &&
      safeAtMs !== null &&
      steps.every(({ state }) => state === 'done' || state === 'not_needed') &&
      !(await hasOpenCalls(tx, stop));
    const part: ChainPart = { steps, purse: risk.purse.toString(), chainAnswers: seen.answers };
    const next = { chain: part, frozenAtMs, safeAtMs, endedAtMs: over ? atMs : null };
    const same = JSON.stringify(part) === JSON.stringify(stop.chain);
    if (same && frozenAtMs === stop.frozenAtMs && safeAtMs === stop.safeAtMs && !over) return;
    await noteChain(tx, stop, next);
    if (!over) return;
    const data = { reason: stop.reason, seconds_to_zero: (safeAtMs - stop.startedAtMs) / 1000 };
    const fields = { actor: 'bursar', agentId: agent.id, sponsorId: agent.sponsorId, data };
    await appendEvent(tx, { type: 'agent.stop_finished', ...fields }, atMs);
  }

  /** Queues the call unless it is already under way. After each failure it waits longer, up to a minute. */
  async function send(
    tx: Tx,
    purpose: string,
    { sender, call }: { sender: Address; call: Call },
    atMs: number,
  ): Promise<void> {
    const row = await tx.get(callsSent, { purpose, sender });
    if ((row?.open ?? 0n) > 0n) return;
    // It was queued for a key that is stuck: this key sends it instead.
    for (const { id } of await tx.all(queuedCalls, { purpose })) await withdrawTransaction(tx, id);
    const failed = Number(row?.failed ?? 0n);
    const pauseMs = failed === 0 ? 0 : Math.min(60_000, 500 * 2 ** Math.min(failed, 7));
    if (row?.last != null && atMs < Number(row.last) + pauseMs) return;
    await enqueueTransaction(tx, { chainId: chain.chainId, sender, ...call, purpose, paymentIds: [], atMs });
  }

  async function freezeStep(tx: Tx, { stop, agent, seen, freezer: sender, atMs }: Round): Promise<ChainStep> {
    const { answers, state } = seen;
    if (!answers) return step('freeze', 'waiting', 'The chain does not answer');
    if (!state) {
      const coming = (await outcomesByPurpose(tx, `deploy:${agent.id}`))[0]?.outcome.kind;
      if (coming === 'queued' || coming === 'pending') return step('freeze', 'waiting', 'The wallet is being deployed');
      return step('freeze', 'not_needed', 'There is no contract yet: nothing can be signed for it');
    }
    if (state.frozen) return step('freeze', 'done', 'The wallet is frozen: it pays nothing, its purse signs nothing');
    const call = ownerCalls.freeze(agent.wallet?.address ?? state.owner);
    if (!sender) {
      return step(
        'freeze',
        'needs_people',
        `The guardian ${state.guardian} or the owner ${state.owner} must send it`,
        call,
      );
    }
    await send(tx, `stop:${stop.id}:freeze`, { sender, call }, atMs);
    return step('freeze', 'waiting', `Sent by ${sender}`);
  }

  async function cancelStep(tx: Tx, { stop, seen, sweeper: sender, atMs }: Round): Promise<ChainStep> {
    if (seen.live.length === 0) {
      const any = await tx.get(firstCallLike, { purpose: `stop:${stop.id}:cancel:%` });
      return step('cancel_authorizations', any ? 'done' : 'not_needed', any ? 'All are void' : 'None was usable');
    }
    const unused = seen.live.filter(({ used }) => !used);
    const sum = formatUsdc(seen.live.reduce((total, { authorization }) => total + authorization.amount, 0n));
    const detail = `${seen.live.length} of ${sum} USDC; ${seen.live.length - unused.length} of them used or cancelled, not final yet`;
    if (!seen.answers || !seen.state) return step('cancel_authorizations', 'waiting', detail);
    const [first] = unused;
    if (!sender) {
      const call = first ? cancelAuthorizationCall(first.authorization.purse, first.authorization.nonce) : null;
      return step('cancel_authorizations', 'needs_people', `${detail}. Executor, guardian or owner must send it`, call);
    }
    for (const { authorization } of unused) {
      const call = cancelAuthorizationCall(authorization.purse, authorization.nonce);
      await send(tx, `stop:${stop.id}:cancel:${authorization.nonce}`, { sender, call }, atMs);
    }
    return step('cancel_authorizations', 'waiting', detail);
  }

  async function sweepStep(tx: Tx, { stop, seen, freezer, sweeper: sender, atMs }: Round): Promise<ChainStep> {
    const { answers, state } = seen;
    if (!answers) return step('sweep_purse', 'waiting', 'The chain does not answer');
    if (!state || state.purseBalance === 0n) {
      const swept = (await outcomesByPurpose(tx, `stop:${stop.id}:sweep`)).length > 0;
      return step('sweep_purse', swept ? 'done' : 'not_needed', swept ? 'The purse is empty' : 'The purse was empty');
    }
    const left = `${formatUsdc(state.purseBalance)} USDC in the purse`;
    const call = sweepCall(state.purse, state.purseBalance);
    if (!sender) return step('sweep_purse', 'needs_people', `${left}. Executor, guardian or owner must send it`, call);
    // Before the freeze a seller could still draw, and the sweep would revert; if no key here can freeze, it is sent at once.
    if (!state.frozen && freezer) {
      return step('sweep_purse', 'waiting', `${left}; swept when the wallet is frozen`);
    }
    await send(tx, `stop:${stop.id}:sweep`, { sender, call }, atMs);
    return step('sweep_purse', 'waiting', `${left}; the sweep is sent`);
  }

  return {
    /** Checks up to 20 stops that have not ended and does the next steps. Does nothing if there are none. */
    async tick(): Promise<{ open: number }> {
      const open = await store.read(openStops);
      if (open.length === 0) return { open: 0 };
      const rest = open.filter(({ id }) => id > after);
      const round = (rest.length > 0 ? rest : open).slice(0, STOPS_PER_TICK);
      after = round.at(-1)?.id ?? 0n;
      const looks = await Promise.all(round.map(async (stop) => ({ stop, seen: await look(stop) })));
      await store.write(async (tx) => {
        const now = new Map((await openStops(tx)).map((stop) => [stop.id, stop]));
        for (const { stop, seen } of looks) {
          const current = now.get(stop.id);
          if (current) await act(tx, current, seen);
        }
      });
      return { open: open.length };
    },
  };
}

const nothingSeen: ChainPart = { steps: [], purse: '0', chainAnswers: false };

function step(name: ChainStep['step'], state: ChainStep['state'], detail: string, call: Call | null = null): ChainStep {
  return { step: name, state, detail, call };
}

/** By the books; shortly before that, by its transaction. */
async function wasMade(tx: ReadTx, agentId: string): Promise<boolean> {
  if ((await getAgent(tx, agentId)).wallet?.deployedAtMs != null) return true;
  return (await outcomesByPurpose(tx, `deploy:${agentId}`)).some(
    ({ outcome }) => (outcome.kind === 'mined' || outcome.kind === 'final') && outcome.succeeded,
  );
}

/** Without senders whose queue reports that it cannot send now: no gas, or another program used the key. */
async function ableSenders(tx: ReadTx, senders: readonly Address[]): Promise<Address[]> {
  const subjects = new Set<string | null>((await tx.all(stuckSenders)).map(({ subject }) => subject));
  return senders.filter((sender) => !subjects.has(sender));
}

/** The first of these roles' addresses that has a sender queue here. */
function mayAct(
  state: WalletState,
  senders: readonly Address[],
  roles: readonly ('guardian' | 'executor' | 'owner')[],
): Address | null {
  return roles.map((role) => state[role]).find((address) => senders.includes(address)) ?? null;
}

/** Ours that a reorg could still undo. */
async function hasOpenCalls(tx: ReadTx, stop: Stop): Promise<boolean> {
  return (await tx.get(firstOpenCallLike, { purpose: `stop:${stop.id}:%` })) !== undefined;
}
