import { type Address, type Hex, isHex, zeroAddress } from 'viem';
import { z } from 'zod';
import type { Call } from '../../../chain/contracts/agentWallet.ts';
import { policyDigestOnChain } from '../../../chain/contracts/approvedTransfer.ts';
import { policyRegistryAbi } from '../../../chain/contracts/contracts.generated.ts';
import { readWalletState, type WalletState } from '../../../chain/contracts/walletState.ts';
import { isContract } from '../../../chain/node/chain.ts';
import { outcomeOf, outcomesByPurpose } from '../../../chain/relayer/outcomes.ts';
import { enqueueTransaction } from '../../../chain/relayer/transactions.ts';
import {
  callOf,
  explainCeilings,
  isOfRegistry,
  methodOf,
  type OwnerAction,
  ownerActions,
} from '../../../control/owner/action.ts';
import { safeFile } from '../../../control/owner/safe.ts';
import { checkOwnerCall } from '../../../control/owner/signedCall.ts';
import { BursarError } from '../../../core/errors/base.ts';
import type { PaymentId } from '../../../core/ids/ids.ts';
import { AddressText, Amount, Digest, idOf, Ref, Time } from '../../../core/schemas/schemas.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import type { App } from '../app.ts';
import { operation } from '../operation.ts';
import { raiseDelay } from '../people/wallets.ts';
import { purposeOf } from './queries.ts';

const shape = {
  id: Ref.describe('Agent id or name'),
  action: z.enum(ownerActions),
  per_payment: Amount.optional(),
  per_period: Amount.optional(),
  address: AddressText.optional().describe(
    'The executor, guardian, next owner (of the wallet or the registry), where a withdrawal goes, or the token that is swept from the purse; 0x0 for nobody',
  ),
  addresses: z.array(AddressText).max(200).optional().describe('Approvers, or payees of the allow-list'),
  threshold: z.int().min(0).max(32).optional(),
  on: z.boolean().optional(),
  until: Time.optional().describe('Of set_valid_until; without it: no end'),
  amount: Amount.optional().describe('Of a withdrawal'),
  digest: Digest.optional().describe('Of the policy to activate or to retire'),
  payment: idOf('payment').optional().describe('Of revoke_approval'),
};
const Input = z.strictObject(shape);
const CallView = z
  .object({
    action: z.enum(ownerActions),
    chain_id: z.int(),
    to: z.string(),
    value: z.literal('0'),
    data: z.string(),
    method: z.string(),
    values: z.record(z.string(), z.string()),
    sender: z.string().describe('Who must send it'),
    sender_is_contract: z.boolean().describe('As a Safe is: upload safe_file to its Transaction Builder'),
    senders: z
      .array(
        z.object({ role: z.enum(['owner', 'guardian', 'next owner']), address: z.string(), is_contract: z.boolean() }),
      )
      .describe('Everyone whom the contract takes it from'),
    server_sends: z.boolean().describe('This server holds that key: send_owner_call sends it on its signature'),
    effect: z.string(),
    safe_file: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'OwnerCall' });
const SentView = z
  .object({
    transaction: z.string(),
    state: z.enum(['queued', 'pending', 'mined', 'final', 'dropped']),
    succeeded: z.boolean().nullable(),
    tx_hash: z.string().nullable(),
    detail: z.string().nullable(),
  })
  .meta({ id: 'OwnerTransaction' });

function actionOf(input: z.output<typeof Input>): OwnerAction {
  const { action, address, addresses, threshold, on, amount, until, digest, payment } = input;
  return {
    action,
    perPayment: input.per_payment,
    perPeriod: input.per_period,
    address,
    addresses,
    threshold,
    on,
    amount,
    untilS: until === undefined ? undefined : Math.floor(Date.parse(until) / 1000),
    digest: digest === undefined ? undefined : policyDigestOnChain(digest),
    payment: payment as PaymentId | undefined,
  };
}

type Sender = { role: 'owner' | 'guardian' | 'next owner'; address: Address };
type Prepared = { call: Call; sender: Address; senders: Sender[]; state: WalletState | null };

async function prepare(app: App, input: z.output<typeof Input>): Promise<Prepared> {
  const { wallet } = await app.store.read((tx) => getAgent(tx, input.id));
  if (!wallet) throw new BursarError('not_configured', { message: 'The agent has no wallet on this chain.' });
  const { registry } = app.addresses;
  const call = callOf(
    { wallet: wallet.address, purse: wallet.purse, token: app.chain.token, registry },
    actionOf(input),
  );
  const state = isOfRegistry(input.action) ? null : await readWalletState(app.chain, wallet.address);
  if (!state && !isOfRegistry(input.action)) {
    throw new BursarError('conflict', { message: 'The wallet is not deployed yet: it comes with its first payment.' });
  }
  const senders = await sendersOf(app, call.to, input.action, state);
  const ours = senders.find(({ role, address }) => role === 'guardian' && app.senders.includes(address)) ?? senders[0];
  if (!ours) throw new BursarError('conflict', { message: 'Nobody was offered the ownership.' });
  return { call, sender: ours.address, senders, state };
}

/** The owner comes first. Wallet and registry are both Ownable2Step. */
async function sendersOf(app: App, to: Address, action: string, state: WalletState | null): Promise<Sender[]> {
  const read = (functionName: 'owner' | 'pendingOwner') =>
    app.chain.run((client) => client.readContract({ address: to, abi: policyRegistryAbi, functionName }));
  if (action.startsWith('accept_')) {
    const next = await read('pendingOwner');
    return next === zeroAddress ? [] : [{ role: 'next owner', address: next }];
  }
  const owner: Sender = { role: 'owner', address: state?.owner ?? (await read('owner')) };
  const guardianMay = ['freeze', 'cancel_raise', 'raise_epoch', 'sweep_token'].includes(action);
  if (!guardianMay || !state || state.guardian === zeroAddress || state.guardian === state.owner) return [owner];
  return [owner, { role: 'guardian', address: state.guardian }];
}

async function effectOf(app: App, input: z.output<typeof Input>, { call, state }: Prepared): Promise<string> {
  if (input.action === 'set_ceilings' && state && input.per_payment !== undefined && input.per_period !== undefined) {
    const wanted = { perPayment: input.per_payment, perPeriod: input.per_period };
    return explainCeilings(state, wanted, await raiseDelay(app, call.to));
  }
  if (input.action === 'transfer_ownership' || input.action === 'transfer_registry')
    return 'The next owner must accept it; until then nothing changes.';
  if (input.action === 'withdraw') return 'Moves money out of the wallet at once; it counts in no ceiling.';
  if (input.action === 'unfreeze')
    return 'Payments go on; the agent here stays as it is until an operator lets it go on.';
  if (input.action === 'set_executor')
    return 'At once; what the executor before has signed is void: a new epoch begins.';
  if (input.action === 'raise_epoch')
    return 'At once: authorizations and payments that the executor has signed and that are not mined are void. What is due is signed again.';
  if (input.action === 'revoke_approval') return 'For good: the wallet takes no approval of this payment any more.';
  if (input.action === 'sweep_token') return 'Moves all of that token from the purse to its wallet.';
  if (input.action === 'activate_only_policy')
    return 'At once, and every other policy ends without grace: payments decided under them revert.';
  if (input.action === 'activate_policy')
    return 'At once for new payments; the policy before stays good for the grace period. Then make it the one that decides here.';
  if (input.action === 'retire_policy')
    return 'At once, without grace: payments decided under it revert. Retiring the current one stops all payments.';
  return 'At once.';
}

const HexText = z
  .string()
  .max(200)
  .refine((text): text is Hex => isHex(text), 'is not hex');

export const ownerOperations = [
  operation({
    name: 'prepare_owner_call',
    summary:
      "What the owner of an agent's wallet must send for a change: the call, what it does and when, and a Safe file.",
    method: 'POST',
    path: '/v1/agents/{id}/owner-calls/prepare',
    scope: 'admin',
    cost: 'medium',
    input: Input,
    output: CallView,
    errors: ['agent_not_found', 'chain_unavailable', 'conflict'],
    handler: async (app, _caller, input) => {
      const prepared = await prepare(app, input);
      const { call, sender } = prepared;
      const method = methodOf(call);
      const effect = await effectOf(app, input, prepared);
      const senders = await Promise.all(
        prepared.senders.map(async (each) => ({ ...each, is_contract: await isContract(app.chain, each.address) })),
      );
      const about = { chainId: app.chain.chainId, safe: sender, atMs: app.clock() };
      return {
        action: input.action,
        chain_id: app.chain.chainId,
        to: call.to,
        value: '0' as const,
        data: call.data,
        method: method.name,
        values: method.values,
        sender,
        sender_is_contract: senders.some(({ address, is_contract }) => address === sender && is_contract),
        senders,
        server_sends: app.senders.includes(sender),
        effect,
        safe_file: safeFile([call], { ...about, name: `Bursar: ${input.action} ${input.id}`, description: effect }),
      };
    },
  }),
  operation({
    name: 'send_owner_call',
    summary: "Send an owner call with the owner key that this server holds, on that very key's EIP-712 signature.",
    method: 'POST',
    path: '/v1/agents/{id}/owner-calls',
    scope: 'admin',
    cost: 'medium',
    input: z.strictObject({
      ...shape,
      expires_at: Time.describe('At most ten minutes from now; part of what was signed'),
      signature: HexText.describe(
        'Over OwnerCall(address to,bytes data,uint256 expiresAt), domain Bursar 1 and the chain',
      ),
    }),
    output: SentView,
    errors: ['agent_not_found', 'approval_invalid', 'conflict', 'chain_unavailable'],
    handler: async (app, _caller, { expires_at, signature, ...input }) => {
      const { call, sender } = await prepare(app, input);
      if (!app.senders.includes(sender)) {
        throw new BursarError('conflict', {
          message: `This server does not send for ${sender}: send the call yourself.`,
        });
      }
      const expiresAtS = Math.floor(Date.parse(expires_at) / 1000);
      const signed = { signer: sender, expiresAtS, signature };
      const atMs = app.clock();
      const digest = await checkOwnerCall(app.chain.chainId, call, signed, Math.floor(atMs / 1000));
      const purpose = `owner:${input.action}:${digest}`;
      const id = await app.store.write(async (tx) => {
        const before = (await outcomesByPurpose(tx, purpose))[0];
        if (before) return before.transactionId;
        const { chainId } = app.chain;
        return (await enqueueTransaction(tx, { chainId, sender, ...call, purpose, paymentIds: [], atMs })).id;
      });
      app.wake();
      return sentView(app, id);
    },
  }),
  operation({
    name: 'get_owner_call',
    summary: 'What has become of a sent owner call.',
    method: 'GET',
    path: '/v1/owner-calls/{transaction}',
    scope: 'admin',
    cost: 'medium',
    input: z.strictObject({ transaction: z.string().regex(/^[0-9]{1,15}$/) }),
    output: SentView,
    errors: ['not_found'],
    handler: (app, _caller, { transaction }) => sentView(app, BigInt(transaction)),
  }),
];

async function sentView(app: App, id: bigint): Promise<z.input<typeof SentView>> {
  const outcome = await app.store.read(async (tx) => {
    const row = await tx.get(purposeOf, { id });
    return row?.purpose.startsWith('owner:') ? await outcomeOf(tx, id) : null;
  });
  if (!outcome) throw new BursarError('not_found');
  const ended = outcome.kind === 'mined' || outcome.kind === 'final';
  return {
    transaction: id.toString(),
    state: outcome.kind,
    succeeded: ended ? outcome.succeeded : null,
    tx_hash: ended ? outcome.txHash : null,
    detail: outcome.kind === 'dropped' ? (outcome.detail ?? outcome.reason) : null,
  };
}
