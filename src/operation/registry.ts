import { agentOperations } from './agents.ts';
import { anchorOperations } from './anchors.ts';
import { approverOperations } from './approvers.ts';
import { budgetOperations } from './budget.ts';
import { chainOperations } from './chain.ts';
import { decisionOperations } from './decisions.ts';
import { eventOperations } from './events.ts';
import { exposureOperations } from './exposure.ts';
import { fetchOperations } from './fetch.ts';
import { inspectOperations } from './inspect.ts';
import { invoiceOperations } from './invoices.ts';
import { keyOperations } from './keys.ts';
import { ledgerOperations } from './ledger.ts';
import { mandateOperations } from './mandates.ts';
import { noticeOperations } from './notices.ts';
import type { Operation } from './operation.ts';
import { ownerOperations } from './owner.ts';
import { payeeOperations } from './payees.ts';
import { paymentOperations } from './payments.ts';
import { payoutOperations } from './payouts.ts';
import { peopleOperations } from './people.ts';
import { policyOperations } from './policies.ts';
import { receiptOperations } from './receipts.ts';
import { receivableOperations } from './receivables.ts';
import { refundOperations } from './refunds.ts';
import { reportOperations } from './reports.ts';
import { reviewOperations } from './reviews.ts';
import { scheduleOperations } from './schedules.ts';
import { shadowOperations } from './shadows.ts';
import { sponsorOperations } from './sponsors.ts';
import { stopOperations } from './stop.ts';
import { walletOperations } from './wallets.ts';
import { workflowOperations } from './workflows.ts';
import { x402Operations } from './x402.ts';

const all = [
  ...paymentOperations,
  ...payoutOperations,
  ...x402Operations,
  ...fetchOperations,
  ...budgetOperations,
  ...reviewOperations,
  ...mandateOperations,
  ...scheduleOperations,
  ...noticeOperations,
  ...receiptOperations,
  ...receivableOperations,
  ...invoiceOperations,
  ...refundOperations,
  ...agentOperations,
  ...exposureOperations,
  ...stopOperations,
  ...walletOperations,
  ...ownerOperations,
  ...sponsorOperations,
  ...workflowOperations,
  ...payeeOperations,
  ...approverOperations,
  ...peopleOperations,
  ...keyOperations,
  ...policyOperations,
  ...shadowOperations,
  ...decisionOperations,
  ...ledgerOperations,
  ...chainOperations,
  ...anchorOperations,
  ...eventOperations,
  ...inspectOperations,
  ...reportOperations,
];

/** Everything that Bursar does. Doors loop over this list, so they cannot differ. */
export const registry: readonly Operation[] = all.map((each): Operation => each as Operation);

export function findOperation(name: string): Operation {
  const found = registry.find((operation) => operation.name === name);
  if (!found) throw new Error(`There is no operation ${name}.`);
  return found;
}
