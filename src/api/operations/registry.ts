import { chainOperations } from './chain.ts';
import { exposureOperations } from './control/exposure.ts';
import { noticeOperations } from './control/notices.ts';
import { ownerOperations } from './control/owner.ts';
import { policyOperations } from './control/policies.ts';
import { shadowOperations } from './control/shadows.ts';
import { stopOperations } from './control/stop.ts';
import { invoiceOperations } from './earn/invoices.ts';
import { receivableOperations } from './earn/receivables.ts';
import type { Operation } from './operation.ts';
import { budgetOperations } from './payments/budget.ts';
import { decisionOperations } from './payments/decisions.ts';
import { fetchOperations } from './payments/fetch.ts';
import { mandateOperations } from './payments/mandates.ts';
import { paymentOperations } from './payments/payments.ts';
import { payoutOperations } from './payments/payouts.ts';
import { receiptOperations } from './payments/receipts.ts';
import { refundOperations } from './payments/refunds.ts';
import { reviewOperations } from './payments/reviews.ts';
import { scheduleOperations } from './payments/schedules.ts';
import { x402Operations } from './payments/x402.ts';
import { agentOperations } from './people/agents.ts';
import { approverOperations } from './people/approvers.ts';
import { keyOperations } from './people/keys.ts';
import { payeeOperations } from './people/payees.ts';
import { peopleOperations } from './people/people.ts';
import { sponsorOperations } from './people/sponsors.ts';
import { walletOperations } from './people/wallets.ts';
import { workflowOperations } from './people/workflows.ts';
import { anchorOperations } from './reports/anchors.ts';
import { eventOperations } from './reports/events.ts';
import { inspectOperations } from './reports/inspect.ts';
import { ledgerOperations } from './reports/ledger.ts';
import { reportOperations } from './reports/reports.ts';

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

/** All operations of Bursar. Interfaces are made from this list, so they cannot differ. */
export const registry: readonly Operation[] = all.map((each): Operation => each as Operation);

export function findOperation(name: string): Operation {
  const found = registry.find((operation) => operation.name === name);
  if (!found) throw new Error(`There is no operation ${name}.`);
  return found;
}
