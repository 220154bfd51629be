import { type Act, recordAct } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId, type WorkflowId } from '../../core/ids/ids.ts';
import type { RowIn } from '../../store/schema/schema.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import type { Status, Workflow } from './identity.ts';
import { takeName } from './names.ts';
import { allWorkflows, newWorkflow, setStatusOfWorkflow, workflowById, workflowByName } from './queries.ts';
import { refuseRevoked } from './sponsors.ts';

const toWorkflow = (row: RowIn<'workflows'>): Workflow => ({
  id: row.id as WorkflowId,
  name: row.name,
  status: row.status,
  createdAtMs: Number(row.created_at),
});

export function createWorkflow(
  tx: Tx,
  act: Act,
  input: { name: string; confirmConfusable?: boolean | undefined },
): Workflow {
  const id = newId('workflow');
  takeName(tx, 'workflows', { id, ...input });
  tx.run(newWorkflow, { id, name: input.name, at: act.atMs });
  recordAct(tx, act, { type: 'workflow.created', workflowId: id, data: { name: input.name } });
  return getWorkflow(tx, id);
}

/** By id or name. Throws `workflow_not_found`. */
export function getWorkflow(tx: ReadTx, idOrName: string): Workflow {
  const row = tx.get(workflowById, { id: idOrName }) ?? tx.get(workflowByName, { name: idOrName });
  if (!row) throw new BursarError('workflow_not_found', { details: { workflow: idOrName } });
  return toWorkflow(row);
}

export function listWorkflows(tx: ReadTx): Workflow[] {
  return tx.all(allWorkflows).map(toWorkflow);
}

export function setWorkflowStatus(tx: Tx, act: Act, id: string, status: Status): Workflow {
  const workflow = getWorkflow(tx, id);
  refuseRevoked(workflow.status);
  tx.run(setStatusOfWorkflow, { id: workflow.id, status });
  recordAct(tx, act, {
    type: 'workflow.status_changed',
    workflowId: workflow.id,
    data: { from: workflow.status, to: status },
  });
  return getWorkflow(tx, workflow.id);
}
