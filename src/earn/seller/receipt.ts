import type { ResourceServerExtension, SettleResultContext } from '@x402/core/types';

export const RECEIPT = 'bursar-receipt';

/**
 * The buyer's receipt: PAYMENT-RESPONSE names neither payee, amount nor resource, and the official receipt has no transaction
 * (X402.md section 4). Everything in it can be checked on chain.
 */
export const receiptExtension: ResourceServerExtension = {
  key: RECEIPT,
  enrichSettlementResponse: async (_declaration, context: SettleResultContext) => {
    const { result, requirements, paymentPayload } = context;
    if (!result.success) return undefined;
    const authorization = paymentPayload.payload.authorization as { nonce?: string } | undefined;
    return {
      transaction: result.transaction,
      network: result.network,
      payer: result.payer ?? null,
      nonce: authorization?.nonce ?? null,
      pay_to: requirements.payTo,
      asset: requirements.asset,
      amount: result.amount ?? requirements.amount,
      resource: paymentPayload.resource?.url ?? null,
      settled_at: new Date().toISOString(),
    };
  },
};

export const declareReceipt = { [RECEIPT]: { info: { issued: true } } };
