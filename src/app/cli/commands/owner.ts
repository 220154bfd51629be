import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, Command } from 'commander';
import { type Address, createPublicClient, defineChain, getAddress, type Hex, http, isAddress } from 'viem';
import type { Call } from '../../../chain/contracts/agentWallet.ts';
import { policyDigestOnChain } from '../../../chain/contracts/approvedTransfer.ts';
import { agentWalletAbi } from '../../../chain/contracts/contracts.generated.ts';
import type { KeyProvider } from '../../../chain/keys/keys.ts';
import {
  callOf,
  isOfRegistry,
  methodOf,
  type OwnerAction,
  type OwnerActionName,
  ownerActions,
} from '../../../control/owner/action.ts';
import { safeFile } from '../../../control/owner/safe.ts';
import { ownerCallTypedData, SIGNED_CALL_SECONDS } from '../../../control/owner/signedCall.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { idPattern, type PaymentId } from '../../../core/ids/ids.ts';
import { parsePositiveUsdc } from '../../../core/money/microUsdc.ts';
import { type Config, readConfig } from '../../server/config.ts';
import { readRunning } from '../../server/running.ts';
import { confirmed } from '../confirm.ts';
import { type Document, examples } from '../operationCommand.ts';
import { type Session, sessionOf } from '../session.ts';
import { at, text } from '../values.ts';

type Flags = {
  agent?: string;
  wallet?: string;
  perPayment?: string;
  perPeriod?: string;
  address?: string;
  addresses?: string;
  threshold?: string;
  on?: boolean;
  off?: boolean;
  until?: string;
  amount?: string;
  digest?: string;
  payment?: string;
  role: string;
  safeFile?: string;
  safe?: string;
  calldata?: boolean;
  yes?: boolean;
};

export function ownerCommand(): Command {
  const command = new Command('owner')
    .description(
      "What an owner does with an agent's wallet, or with the policy registry: sent with the owner's key of the keystore, written as a Safe file, or printed as calldata. Cuts bite at once, raises wait for the wallet's delay.",
    )
    .addArgument(new Argument('<action>').choices(ownerActions))
    .option('--agent <agent>', 'By id or name; asks the server')
    .option('--wallet <address>', 'Instead of an agent: needs no server')
    .option('--per-payment <usdc>', 'set_ceilings')
    .option('--per-period <usdc>', 'set_ceilings')
    .option(
      '--address <address>',
      'set_executor, set_guardian, transfer_ownership, transfer_registry; withdraw: to whom; sweep_token: which token',
    )
    .option('--addresses <list>', 'set_approvers, allow, disallow; with commas')
    .option('--threshold <number>', 'set_approvers: how many must sign')
    .option('--on', 'set_allow_list')
    .option('--off', 'set_allow_list')
    .option('--until <time>', 'set_valid_until; without it: no end')
    .option('--amount <usdc>', 'withdraw')
    .option('--digest <digest>', 'activate_policy, activate_only_policy, retire_policy')
    .option('--payment <id>', 'revoke_approval')
    .option('--role <role>', 'Which key of the keystore (or BURSAR_KEY_<ROLE>) signs', 'owner')
    .option('--safe-file <file>', "Write a batch for Safe's Transaction Builder instead of sending")
    .option('--safe <address>', 'The Safe that the file is for, where no server is asked')
    .option('--calldata', 'Print to and data instead of sending')
    .option('-y, --yes', 'Do not ask; where stdin is no terminal nobody is asked')
    .addHelpText(
      'after',
      examples([
        'bursar owner set_ceilings --agent researcher --per-payment 50 --per-period 200',
        'bursar owner unfreeze --agent researcher --safe-file unfreeze.json',
        'bursar owner withdraw --wallet 0x90F79bf6EB2c4f870365E785982E1f101E93b906 --address 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65 --amount 25.00',
        'bursar owner set_executor --agent researcher --address 0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65 --calldata',
      ]),
    )
    .action((action: OwnerActionName, flags: Flags) => run(sessionOf(command), action, flags));
  return command;
}

/** The typed action, and its contract call. */
type OwnerCommand = { action: OwnerActionName; flags: Flags; config: Config; call: Call };

async function run(session: Session, action: OwnerActionName, flags: Flags): Promise<void> {
  const { screen } = session;
  const config = readConfig(session.dataDir);
  if (!config) throw new BursarError('not_configured', { message: `No data directory in ${session.dataDir.dir}.` });
  const wanted = actionOf(action, flags);
  const client = flags.agent === undefined ? null : session.client();
  const prepared = client && (await client.call('prepare_owner_call', { id: flags.agent, ...inputOf(action, flags) }));
  const agent = client && (await client.call('get_agent', { id: flags.agent }));
  const wallet = agent ? at(agent, 'wallet.address') : flags.wallet;
  const purse = agent ? address(String(at(agent, 'wallet.purse'))) : null;
  // Computed here from the typed action; the server's version must be equal, or nothing is signed.
  const call = callOf(
    { wallet: walletOf(action, wallet), purse, token: config.chain.usdc, registry: config.chain.registry },
    wanted,
  );
  if (prepared && (prepared.to !== call.to || prepared.data !== call.data)) {
    throw new BursarError('signing_refused', { message: 'The server made another call than was asked for here.' });
  }
  const effect = text(prepared?.effect ?? 'As the contract says: cuts at once, raises after its delay.');
  const method = methodOf(call);
  const values = Object.entries(method.values).map(([name, value]) => `${name.replace(/_$/, '')}=${value}`);
  const shown = { action, contract: call.to, method: `${method.name}(${values.join(', ')})`, effect };
  if (flags.calldata) {
    screen.document({ to: call.to, value: '0', data: call.data, effect });
    screen.details({ ...shown, to: call.to, value: '0', data: call.data });
    return;
  }
  const command = { action, flags, config, call };
  if (flags.safeFile !== undefined) return writeSafeFile(session, command, prepared, effect);
  screen.note(
    Object.entries(shown)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
  );
  if (!flags.yes && process.stdin.isTTY && !(await confirmed('Sign and send it?'))) {
    throw new BursarError('signing_refused', { message: 'Not signed.' });
  }
  const { openDataDirKeys } = await import('../../server/dataDirKeys.ts');
  const keys = await openDataDirKeys(session.dataDir);
  const signer = await keys.address(flags.role);
  const sender = prepared ? text(prepared.sender) : signer;
  if (signer !== sender) {
    throw new BursarError('signing_refused', {
      message: `${sender} must send it, and the key "${flags.role}" is ${signer}. Use --safe-file or --calldata.`,
    });
  }
  const sent =
    client && prepared?.server_sends === true
      ? await sendByServer(session, command, keys)
      : await sendDirectly(session, command, keys);
  screen.document({ ...sent, effect });
  screen.details({ ...sent, effect });
}

function actionOf(action: OwnerActionName, flags: Flags): OwnerAction {
  if (flags.on && flags.off) throw invalid('Say --on or --off, not both.');
  if (flags.threshold !== undefined && !/^\d{1,2}$/.test(flags.threshold))
    throw invalid('--threshold is not a number.');
  if (flags.until !== undefined && Number.isNaN(Date.parse(flags.until))) throw invalid('--until is not a time.');
  if (flags.payment !== undefined && !idPattern('payment').test(flags.payment))
    throw invalid('--payment is not the id of a payment.');
  const usdc = (value: string | undefined) => (value === undefined ? undefined : parsePositiveUsdc(value));
  return {
    action,
    perPayment: usdc(flags.perPayment),
    perPeriod: usdc(flags.perPeriod),
    address: flags.address === undefined ? undefined : address(flags.address),
    addresses: listOf(flags)?.map(address),
    threshold: flags.threshold === undefined ? undefined : Number(flags.threshold),
    on: flags.on ? true : flags.off ? false : undefined,
    untilS: flags.until === undefined ? undefined : Math.floor(Date.parse(flags.until) / 1000),
    amount: usdc(flags.amount),
    digest: flags.digest === undefined ? undefined : policyDigestOnChain(flags.digest),
    payment: flags.payment as PaymentId | undefined,
  };
}

/** The same in the form of the API. */
function inputOf(action: OwnerActionName, flags: Flags): Document {
  const money = (value: string | undefined) => (value === undefined ? undefined : { value, currency: 'USDC' });
  const all = {
    action,
    per_payment: money(flags.perPayment),
    per_period: money(flags.perPeriod),
    address: flags.address,
    addresses: listOf(flags),
    threshold: flags.threshold === undefined ? undefined : Number(flags.threshold),
    on: flags.on ? true : flags.off ? false : undefined,
    until:
      flags.until === undefined ? undefined : new Date(Math.floor(Date.parse(flags.until) / 1000) * 1000).toISOString(),
    amount: money(flags.amount),
    digest: flags.digest,
    payment: flags.payment,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const listOf = ({ addresses }: Flags): string[] | undefined =>
  addresses
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function walletOf(action: OwnerActionName, given: unknown): Address {
  // All wallets share one registry.
  if (given === undefined && isOfRegistry(action)) return '0x0000000000000000000000000000000000000000';
  if (given === undefined || given === null) throw invalid('Say whose wallet: --agent, or --wallet.');
  return address(String(given));
}

async function writeSafeFile(
  { screen }: Session,
  { flags, config, call }: OwnerCommand,
  prepared: Document | null,
  effect: string,
): Promise<void> {
  const file = String(flags.safeFile);
  const safe = flags.safe ?? prepared?.sender;
  if (safe === undefined) throw invalid('Say which Safe owns the wallet: --safe.');
  if (existsSync(file)) throw new BursarError('conflict', { message: `${file} is there already.` });
  const name = `Bursar: ${methodOf(call).name} ${flags.agent ?? call.to}`;
  const about = { chainId: config.chain.id, safe: address(String(safe)), name, description: effect, atMs: Date.now() };
  writeFileSync(file, `${JSON.stringify(safeFile([call], about), null, 2)}\n`);
  screen.document({ file, safe: about.safe, effect });
  screen.line(`${file}: load it in the Transaction Builder of the Safe ${about.safe}. ${effect}`);
}

/** The server sends with that key too, and only one program may send: the key's signature authorizes the server. */
async function sendByServer(
  session: Session,
  { action, flags, config, call }: OwnerCommand,
  keys: KeyProvider,
): Promise<Document> {
  const client = session.client();
  const expiresAtS = Math.floor(Date.now() / 1000) + SIGNED_CALL_SECONDS - 60;
  const signature = await keys.signTypedData(flags.role, ownerCallTypedData(config.chain.id, call, expiresAtS));
  const expires = new Date(expiresAtS * 1000).toISOString();
  const order = { id: flags.agent, ...inputOf(action, flags), expires_at: expires, signature };
  const { transaction } = await client.call('send_owner_call', order);
  for (;;) {
    const now = await client.call('get_owner_call', { transaction });
    if (now.state === 'dropped' || now.succeeded === false) {
      throw new BursarError('transfer_reverted', { message: `The contract refuses it: ${text(now.detail)}` });
    }
    if (now.succeeded === true) return { tx_hash: now.tx_hash, sent_by: 'server' };
    await sleep(200);
  }
}

async function sendDirectly(
  session: Session,
  { flags, config, call }: OwnerCommand,
  keys: KeyProvider,
): Promise<Document> {
  const { role } = flags;
  if (readRunning(session.dataDir) !== null && flags.agent === undefined) {
    throw new BursarError('storage_in_use', {
      message:
        'A server on this data directory may send with this key, and only one program may. Say --agent, or stop the server.',
    });
  }
  const url = session.rpcUrl();
  const { id } = config.chain;
  const chain = defineChain({
    id,
    name: `eip155:${id}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const client = createPublicClient({ chain, transport: http(url), pollingInterval: 500 });
  const account = await keys.address(role);
  const owner = await client.readContract({ address: call.to, abi: agentWalletAbi, functionName: 'owner' });
  if ((await client.getChainId()) !== id) throw new BursarError('chain_mismatch');
  const [nonce, fees, gas] = await Promise.all([
    client.getTransactionCount({ address: account, blockTag: 'pending' }),
    client.estimateFeesPerGas(),
    client.estimateGas({ account, ...call }).catch((cause: unknown) => {
      throw new BursarError('transfer_reverted', {
        message: `The contract refuses it from ${account}; its owner is ${owner}.`,
        cause,
      });
    }),
  ]);
  const raw: Hex = await keys.signTransaction(role, {
    type: 'eip1559',
    chainId: id,
    nonce,
    to: call.to,
    data: call.data,
    value: 0n,
    gas: (gas * 12n) / 10n,
    maxFeePerGas: fees.maxFeePerGas,
    maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
  });
  const hash = await client.sendRawTransaction({ serializedTransaction: raw });
  const receipt = await client.waitForTransactionReceipt({ hash, timeout: 120_000 });
  if (receipt.status === 'reverted') throw new BursarError('transfer_reverted', { message: `It reverted: ${hash}.` });
  return { tx_hash: hash, sent_by: account };
}

function address(value: string): Address {
  if (isAddress(value, { strict: value !== value.toLowerCase() })) return getAddress(value);
  throw new BursarError('invalid_address', { message: `"${value}" is not an address with a correct checksum.` });
}
const invalid = (message: string): BursarError => new BursarError('invalid_request', { message });
