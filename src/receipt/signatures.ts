import { type Address, getAddress, type Hex, type PublicClient, type TypedDataDefinition } from 'viem';
import { z } from 'zod';
import { mandateTypes } from '../mandates/typedData.ts';
import { microUsdc } from '../money/microUsdc.ts';
import { approvalTypedData } from '../wallet/approval.ts';
import { type Finding, finding } from './finding.ts';
import type { Receipt } from './receipt.ts';

/**
 * The signatures over what this receipt says, in this wallet's domain: the signed data is built here from the receipt, and only
 * its expiry is taken from what was stored. That these addresses are your approvers, you know from somewhere else.
 */
export async function checkApprovals(receipt: Receipt, client: PublicClient): Promise<Finding[]> {
  const reviewed = receipt.decisions.some((decision) => decision.effect === 'review');
  if (reviewed && receipt.approvals.length === 0)
    return [finding('approvals', false, 'reviewed, but nobody has signed')];
  const signed: Signed[] = [];
  const findings = await Promise.all(
    receipt.approvals.map(({ approver, typed_data, signature }) =>
      signatureFinding(`approval by ${approver}`, 'over this payment, payee, amount and decision', async () => {
        const { expiresAt } = messageOf(typed_data);
        const typedData: TypedDataDefinition = approvalTypedData('approve', {
          chainId: receipt.chain.id,
          wallet: getAddress(receipt.chain.wallet),
          token: getAddress(receipt.chain.token),
          chainKey: receipt.payment.chain_key as Hex,
          payee: getAddress(receipt.payment.address),
          amount: microUsdc(BigInt(receipt.payment.amount_micro)),
          decisionHash: receipt.decision_hash as Hex,
          expiresAtS: Number(expiresAt),
        });
        const by = getAddress(approver);
        const ok = await client.verifyTypedData({ ...typedData, address: by, signature: signature as Hex });
        if (ok) signed.push({ by, expiresAtMs: Number(expiresAt) * 1000 });
        return ok;
      }),
    ),
  );
  return [...findings, ...checkCounted(receipt, signed)];
}

type Signed = { by: Address; expiresAtMs: number };

/** What the policy was told of approvals is the server's word: each that a decision counted must have signed, and in time. */
function checkCounted(receipt: Receipt, signed: readonly Signed[]): Finding[] {
  return receipt.decisions.flatMap(({ input, decided_at }, index) => {
    const name = `decision ${index + 1}: approvals`;
    const counted = toldOf(input)?.approvals;
    if (counted === undefined) return [finding(name, false, 'the input cannot be read')];
    if (counted.length === 0) return [];
    const missing = counted.filter(
      ({ address }) => !signed.some(({ by, expiresAtMs }) => by === address && expiresAtMs > decided_at),
    );
    const whom = missing.map(({ address }) => address).join(', ');
    const detail = missing.length === 0 ? `all ${counted.length} that it counted have signed` : `unsigned by ${whom}`;
    return [finding(name, missing.length === 0, detail)];
  });
}

/** A decision that names a mandate needs its signatures, over terms that this payment is inside of, on this chain. */
export async function checkMandate(receipt: Receipt, client: PublicClient): Promise<Finding[]> {
  const { mandate } = receipt;
  const named = mandateOf(receipt);
  if (!named && !mandate) return [];
  if (!mandate || named !== mandate.id) return [finding('mandate', false, 'the decision names another mandate')];
  return Promise.all(
    mandate.signatures.map(({ approver, typed_data, signature }) =>
      signatureFinding(
        `mandate signed by ${approver}`,
        `over ${mandate.id}, which covers this agent, payee, amount and time`,
        async () => {
          const message = messageOf(typed_data);
          if (message.mandateId !== mandate.id || !covers(message, receipt)) return false;
          return client.verifyTypedData({
            domain: { name: 'Bursar', version: '1', chainId: receipt.chain.id },
            types: mandateTypes,
            primaryType: 'Mandate',
            message: message as never,
            address: getAddress(approver),
            signature: signature as Hex,
          });
        },
      ),
    ),
  );
}

/** The mandate that the decision in force rests on, by its input. */
const mandateOf = (receipt: Receipt): string | undefined => toldOf(receipt.decisions.at(-1)?.input)?.mandate?.id;

/** The bounds that one payment shows; totals, counts and cadence are over all of a mandate's payments. */
function covers(message: Record<string, unknown>, receipt: Receipt): boolean {
  const input = toldOf(receipt.decisions.at(-1)?.input);
  if (!input) return false;
  const holds = (list: unknown, value: string | null | undefined): boolean =>
    Array.isArray(list) && (list.length === 0 || (typeof value === 'string' && list.includes(value)));
  const atS = BigInt(Math.floor(input.time.ms / 1000));
  return (
    message.agent === receipt.payment.agent &&
    BigInt(String(message.perPayment)) >= BigInt(receipt.payment.amount_micro) &&
    BigInt(String(message.notBefore)) <= atS &&
    atS < BigInt(String(message.expires)) &&
    holds(message.payees, input.payee?.id) &&
    holds(message.categories, input.payment.category) &&
    holds(message.hosts, input.payment.host)
  );
}

/** Of what the policy was told, that which signatures must bear out; loose, so that inputs may grow. */
const Told = z.looseObject({
  time: z.looseObject({ ms: z.int() }),
  payee: z.looseObject({ id: z.string() }).nullable(),
  payment: z.looseObject({ category: z.string().nullable(), host: z.string().nullable() }),
  approvals: z.array(z.looseObject({ address: z.string() })),
  mandate: z.looseObject({ id: z.string() }).nullable(),
});

/** Undefined where it cannot be read. */
function toldOf(text: string | undefined): z.infer<typeof Told> | undefined {
  try {
    return Told.safeParse(JSON.parse(text ?? '')).data;
  } catch {
    return undefined;
  }
}

/** What cannot be read is not signed. */
async function signatureFinding(check: string, what: string, verify: () => Promise<boolean>): Promise<Finding> {
  try {
    return finding(check, await verify(), `an EIP-712 signature ${what}`);
  } catch (error) {
    return finding(check, false, error instanceof Error ? error.message : 'cannot be read');
  }
}

const messageOf = (typedData: string): Record<string, unknown> =>
  (JSON.parse(typedData) as { message: Record<string, unknown> }).message;
