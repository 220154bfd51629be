import { getAddress, type Hex, type PublicClient, type TypedDataDefinition } from 'viem';
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
  return Promise.all(
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
        return client.verifyTypedData({ ...typedData, address: getAddress(approver), signature: signature as Hex });
      }),
    ),
  );
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
        `over ${mandate.id}, which covers this agent and amount`,
        async () => {
          const message = messageOf(typed_data);
          const speaks =
            message.mandateId === mandate.id &&
            message.agent === receipt.payment.agent &&
            BigInt(String(message.perPayment)) >= BigInt(receipt.payment.amount_micro);
          if (!speaks) return false;
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
function mandateOf(receipt: Receipt): string | undefined {
  try {
    return (JSON.parse(receipt.decisions.at(-1)?.input ?? '{}') as { mandate?: { id: string } | null }).mandate?.id;
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
