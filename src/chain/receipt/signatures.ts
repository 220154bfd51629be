import type { TypedDataDefinition } from 'viem';
import { type Address, getAddress, type Hex, hashTypedData, type PublicClient, recoverAddress } from 'viem';
import { z } from 'zod';
import { toJson } from '../../core/money/json.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { mandateTypes } from '../../decide/mandates/typedData.ts';
import { approvalTypedData } from '../contracts/approval.ts';
import { type Finding, finding } from './finding.ts';
import { type Told, toldOf } from './input.ts';
import type { Receipt } from './receipt.ts';

const Uint = z.string().regex(/^(0|[1-9][0-9]{0,77})$/);

/** The signed fields of an approval that are nowhere else in the receipt; the rest is built from the receipt. */
const ApprovalMessage = z.looseObject({ expiresAt: Uint, approversVersion: Uint });

/**
 * Checks the signatures over this receipt's content, in this wallet's domain. That these addresses are your approvers, you must
 * know from another source.
 */
export async function checkApprovals(receipt: Receipt, client: PublicClient): Promise<Finding[]> {
  const reviewed = receipt.decisions.length > 1 || receipt.decisions.some(({ effect }) => effect === 'review');
  if (reviewed && receipt.approvals.length === 0)
    return [finding('approvals', false, 'reviewed, but nobody has signed', ['approvals'])];
  const signed: Signed[] = [];
  const blockNumber = BigInt(receipt.settlement.block_number);
  const findings = await Promise.all(
    receipt.approvals.map(({ approver, typed_data, signature }, index) =>
      signatureFinding(
        `approval by ${approver}`,
        `approvals.${index}`,
        'over this payment, payee, amount and decision',
        async () => {
          const { expiresAt, approversVersion } = messageOf(typed_data, ApprovalMessage);
          const typedData = approvalTypedData('approve', {
            chainId: receipt.chain.id,
            wallet: getAddress(receipt.chain.wallet),
            token: getAddress(receipt.chain.token),
            chainKey: receipt.payment.chain_key as Hex,
            payee: getAddress(receipt.payment.address),
            amount: microUsdc(BigInt(receipt.payment.amount_micro)),
            policyDigest: `0x${receipt.policy_digest.slice('sha256:'.length)}`,
            decisionHash: receipt.decision_hash as Hex,
            approversVersion: BigInt(approversVersion),
            expiresAtS: Number(expiresAt),
          });
          const by = getAddress(approver);
          const ok =
            typed_data === toJson(typedData) &&
            (await isSigned(client, { address: by, blockNumber }, typedData, signature as Hex));
          if (ok) signed.push({ by, expiresAtMs: Number(expiresAt) * 1000 });
          return ok;
        },
      ),
    ),
  );
  return [...findings, ...checkCounted(receipt, signed)];
}

type Signed = { by: Address; expiresAtMs: number };

/**
 * The input's list of approvals is the server's own statement, so each approval that the last decision counted must have a valid
 * signature, given in time.
 */
function checkCounted(receipt: Receipt, signed: readonly Signed[]): Finding[] {
  const last = receipt.decisions.length - 1;
  const decidedAtMs = receipt.decisions[last]?.decided_at ?? Number.POSITIVE_INFINITY;
  const name = `decision ${last + 1}: approvals`;
  const counted = toldOf(receipt.decisions[last]?.input)?.approvals;
  if (counted === undefined) return [finding(name, false, 'the input cannot be read', [`decisions.${last}.input`])];
  const missing = counted.filter(
    ({ address }) => !signed.some(({ by, expiresAtMs }) => by === address && expiresAtMs > decidedAtMs),
  );
  const whom = missing.map(({ address }) => address).join(', ');
  const detail = missing.length === 0 ? `all ${counted.length} that it counted have signed` : `unsigned by ${whom}`;
  const findings = counted.length === 0 ? [] : [finding(name, missing.length === 0, detail, ['approvals'])];
  const all = new Set(counted.map(({ address }) => address));
  // Sorted by address, each once, and only those that a decision counted.
  const wrong = receipt.approvals.findIndex(
    ({ approver }, at) => !all.has(approver) || approver <= (receipt.approvals[at - 1]?.approver ?? ''),
  );
  if (wrong < 0) return findings;
  const why = `${receipt.approvals[wrong]?.approver} was not counted by the decision in force, or is out of order`;
  return [...findings, finding('approvals', false, why, [`approvals.${wrong}.approver`, 'decisions'])];
}

const MandateMessage = z.strictObject({
  mandateId: z.string(),
  agent: z.string(),
  payees: z.array(z.string()),
  categories: z.array(z.string()),
  hosts: z.array(z.string()),
  perPayment: Uint,
  total: Uint,
  count: Uint,
  cadence: z.string(),
  notBefore: Uint,
  expires: Uint,
});
type MandateMessage = z.infer<typeof MandateMessage>;

/** A decision that names a mandate needs the signatures that it counted, over terms that include this payment, on this chain. */
export async function checkMandate(receipt: Receipt, client: PublicClient): Promise<Finding[]> {
  const { mandate } = receipt;
  const last = receipt.decisions.length - 1;
  const told = toldOf(receipt.decisions[last]?.input);
  const named = told?.mandate ?? null;
  if (!named && !mandate) return [];
  if (!told || !mandate || named?.id !== mandate.id)
    return [finding('mandate', false, 'the decision names another mandate', ['mandate', 'mandate.id'])];
  const { signers } = named;
  return [
    finding(
      'mandate',
      signers.length === mandate.signatures.length,
      `signed by ${signers.length} whom the decision counted`,
      ['mandate.signatures'],
    ),
    ...(await Promise.all(
      mandate.signatures.map(({ approver, typed_data, signature }, index) =>
        signatureFinding(
          `mandate signed by ${approver}`,
          `mandate.signatures.${index}`,
          `over ${mandate.id}, which covers this agent, payee, amount and time, by a signer whom the decision counted`,
          async () => {
            const message = messageOf(typed_data, MandateMessage);
            if (signers[index] !== approver) return false;
            if (message.mandateId !== mandate.id || !covers(message, receipt, told)) return false;
            const typedData = {
              domain: { name: 'Bursar', version: '1', chainId: receipt.chain.id },
              types: mandateTypes,
              primaryType: 'Mandate',
              message,
            };
            return (
              typed_data === toJson(typedData) &&
              isSigned(
                client,
                { address: getAddress(approver), blockNumber: BigInt(receipt.settlement.block_number) },
                typedData as never,
                signature as Hex,
              )
            );
          },
        ),
      ),
    )),
  ];
}

/** The limits that one payment can show; totals, counts and cadence concern all payments of a mandate. */
function covers(message: MandateMessage, receipt: Receipt, told: Told): boolean {
  const holds = (list: string[], value: string | null | undefined): boolean =>
    list.length === 0 || (typeof value === 'string' && list.includes(value));
  const atS = BigInt(Math.floor(told.time.ms / 1000));
  return (
    message.agent === receipt.payment.agent &&
    BigInt(message.perPayment) >= BigInt(receipt.payment.amount_micro) &&
    BigInt(message.notBefore) <= atS &&
    atS < BigInt(message.expires) &&
    message.payees.length + message.categories.length + message.hosts.length > 0 &&
    holds(message.payees, told.payee?.id) &&
    holds(message.categories, told.payment.category) &&
    holds(message.hosts, told.payment.host)
  );
}

/** Half the order of secp256k1 (EIP-2). Of the two forms of an ECDSA signature only the low one is accepted, with v 27 or 28. */
const S_MAX = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
const isCanonical = (signature: Hex): boolean =>
  /^0x[0-9a-f]{128}(1b|1c)$/.test(signature) && BigInt(`0x${signature.slice(66, 130)}`) <= S_MAX;

/**
 * By ECDSA, else by ERC-1271 at the payment's block: an approver that got code or changed its signers later has still signed. A
 * node without the state of that block is asked about the head.
 */
async function isSigned(
  client: PublicClient,
  by: { address: Address; blockNumber: bigint },
  typedData: TypedDataDefinition,
  signature: Hex,
): Promise<boolean> {
  const { address, blockNumber } = by;
  if (isCanonical(signature) && (await recoverAddress({ hash: hashTypedData(typedData), signature })) === address)
    return true;
  if ((await client.getCode({ address })) === undefined) return false;
  const asked = { ...typedData, address, signature };
  return (await client.verifyTypedData({ ...asked, blockNumber }).catch(() => false)) || client.verifyTypedData(asked);
}

/** A signature that cannot be read is not valid. */
async function signatureFinding(
  check: string,
  at: string,
  what: string,
  verify: () => Promise<boolean>,
): Promise<Finding> {
  const fields = [`${at}.approver`, `${at}.typed_data`, `${at}.signature`];
  try {
    return finding(check, await verify(), `an EIP-712 signature ${what}`, fields);
  } catch (error) {
    if (error instanceof Error && /HttpRequest|Timeout|SocketClosed/.test(error.name)) throw error;
    return finding(check, false, error instanceof Error ? error.message : 'cannot be read', fields);
  }
}

function messageOf<T>(typedData: string, schema: z.ZodType<T>): T {
  const { message } = z.looseObject({ message: schema }).parse(JSON.parse(typedData));
  return message as T;
}
