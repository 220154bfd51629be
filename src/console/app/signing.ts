import { keccak256, toHex } from 'viem';
import { parseUsdc } from '../../core/money/microUsdc.ts';

/** Compares the shown payment under review with the typed data to be signed for it. */
export type Shown = {
  payment: {
    id: string;
    address: string;
    amount: { value: string };
    policy_digest: string;
    decision_hash: string;
    review: { expires_at: string | null } | null;
  };
  wallet: string;
  chain: { id: number; usdc: string };
};
type TypedData = {
  domain?: Record<string, unknown>;
  types?: Record<string, { name: string; type: string }[]>;
  primaryType?: string;
  message?: Record<string, unknown>;
};

const FIELDS =
  'paymentId bytes32, token address, payee address, amount uint256, policyDigest bytes32, decisionHash bytes32, approversVersion uint256, expiresAt uint256';

/**
 * Compares the data to sign with the shown data, field by field, and returns the names of the differences. A page never sends data
 * with a difference to a wallet. The shape must also be exactly that of Bursar's contract.
 */
export function differences(verdict: 'approve' | 'reject', given: unknown, shown: Shown): string[] {
  const { domain = {}, types = {}, primaryType, message = {} } = (given ?? {}) as TypedData;
  const wanted = verdict === 'approve' ? 'PaymentApproval' : 'PaymentRejection';
  const fields = (types[wanted] ?? []).map(({ name, type }) => `${name} ${type}`).join(', ');
  const names = Object.keys(types).filter((name) => name !== 'EIP712Domain');
  const { payment, wallet, chain } = shown;
  const expires = payment.review?.expires_at ?? null;
  const pairs: [string, unknown, unknown][] = [
    ['kind', primaryType, wanted],
    ['fields', `${names.join()} ${fields}`, `${wanted} ${FIELDS}`],
    [
      'message',
      Object.keys(message).sort().join(),
      'amount,approversVersion,decisionHash,expiresAt,payee,paymentId,policyDigest,token',
    ],
    ['domain', Object.keys(domain).sort().join(), 'chainId,name,verifyingContract,version'],
    ['name', `${domain.name} ${domain.version}`, 'Bursar 1'],
    ['chain', String(domain.chainId), String(chain.id)],
    ['wallet', lower(domain.verifyingContract), lower(wallet)],
    ['payment', lower(message.paymentId), keccak256(toHex(payment.id))],
    ['token', lower(message.token), lower(chain.usdc)],
    ['payee', lower(message.payee), lower(payment.address)],
    ['amount', String(message.amount), parseUsdc(payment.amount.value).toString()],
    ['policy', lower(message.policyDigest), lower(payment.policy_digest).replace(/^sha256:/, '0x')],
    // The wallet's own version of its approvers: a signature with another one is void.
    ['approvers version', /^[1-9][0-9]{0,18}$/.test(String(message.approversVersion)), true],
    ['decision', lower(message.decisionHash), lower(payment.decision_hash)],
    ['expiry', String(message.expiresAt), expires === null ? '' : String(Math.floor(Date.parse(expires) / 1000))],
  ];
  return pairs.filter(([, one, other]) => one !== other).map(([name]) => name);
}

const lower = (value: unknown): string => String(value).toLowerCase();

type Mandate = {
  id: string;
  agent: string;
  payees: string[];
  categories: string[];
  hosts: string[];
  per_payment: { value: string };
  total: { value: string };
  count: number | null;
  cadence: { rrule: string; zone: string } | null;
  not_before: string;
  expires_at: string;
};

const MANDATE_FIELDS =
  'mandateId string, agent string, payees string[], categories string[], hosts string[], perPayment uint256, total uint256, count uint256, cadence string, notBefore uint256, expires uint256';

/** The same for a mandate. */
export function mandateDifferences(given: unknown, mandate: Mandate, chainId: number): string[] {
  const { domain = {}, types = {}, primaryType, message = {} } = (given ?? {}) as TypedData;
  const seconds = (time: string): string => String(Math.floor(Date.parse(time) / 1000));
  const wanted: Record<string, unknown> = {
    mandateId: mandate.id,
    agent: mandate.agent,
    payees: mandate.payees,
    categories: mandate.categories,
    hosts: mandate.hosts,
    perPayment: parseUsdc(mandate.per_payment.value).toString(),
    total: parseUsdc(mandate.total.value).toString(),
    count: String(mandate.count ?? 0),
    cadence: mandate.cadence === null ? '' : `${mandate.cadence.rrule} ${mandate.cadence.zone}`,
    notBefore: seconds(mandate.not_before),
    expires: seconds(mandate.expires_at),
  };
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(message)])];
  const differing = names.filter((name) => JSON.stringify(message[name]) !== JSON.stringify(wanted[name]));
  if (`${domain.name} ${domain.version} ${domain.chainId}` !== `Bursar 1 ${chainId}`) differing.push('domain');
  const structs = Object.keys(types).filter((name) => name !== 'EIP712Domain');
  const fields = (types.Mandate ?? []).map(({ name, type }) => `${name} ${type}`).join(', ');
  if (structs.join() !== 'Mandate' || fields !== MANDATE_FIELDS) differing.push('fields');
  return primaryType === 'Mandate' ? differing : ['kind', ...differing];
}
