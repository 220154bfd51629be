import { BursarError } from '../../../core/errors/base.ts';
import { sha256 } from '../../../core/ids/digest.ts';
import type { AgentId } from '../../../core/ids/ids.ts';
import { toJson } from '../../../core/money/json.ts';
import { getAgent } from '../../../decide/identity/agents.ts';
import { getPayee } from '../../../decide/identity/payees.ts';
import { getWorkflow } from '../../../decide/identity/workflows.ts';
import type { PaymentRequest } from '../../../decide/payments/request.ts';
import type { ReadTx } from '../../../store/store.ts';
import { currentKey, derivedKey } from './derivedKey.ts';
import { type PayInput, toPaymentRequest } from './paymentRequest.ts';

/**
 * The request of a caller who sets `again` instead of an idempotency key: its key is derived from payee, amount and purpose. Names
 * and ids of one payee are one payee; the category is not included. Throws `idempotency_key_required` if neither was given.
 */
export async function selfKeyedRequest(
  tx: ReadTx,
  input: PayInput,
  agentId: AgentId,
  again: number | undefined,
): Promise<PaymentRequest> {
  if (again === undefined) throw new BursarError('idempotency_key_required');
  const { agent: _agent, category: _category, payee, to_agent, workflow, run, ...request } = input;
  const to =
    payee !== undefined
      ? (await getPayee(tx, payee)).id
      : to_agent !== undefined
        ? (await getAgent(tx, to_agent)).id
        : null;
  const fields = Object.entries(request).sort(([a], [b]) => (a < b ? -1 : 1));
  const what = toJson([to, fields]);
  const derived = derivedKey({
    workflow: workflow === undefined ? null : (await getWorkflow(tx, workflow)).id,
    run: run ?? null,
    method: 'POST',
    url: '/v1/payments',
    bodySha256: sha256(what),
    again,
  });
  // The key covers the whole request, in every spelling.
  return {
    ...toPaymentRequest(input, agentId, await currentKey(tx, agentId, derived), null),
    bodyHash: sha256(derived),
  };
}
