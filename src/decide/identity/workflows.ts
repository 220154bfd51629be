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

export async function createWorkflow(
  tx: Tx,
  act: Act,
  input: { name: string; confirmConfusable?: boolean | undefined },
): Promise<Workflow> {
  const id = newId('workflow');
  await takeName(tx, 'workflows', { id, ...input });
  await tx.run(newWorkflow, { id, name: input.name, at: act.atMs });
  await recordAct(tx, act, { type: 'workflow.created', workflowId: id, data: { name: input.name } });
  return getWorkflow(tx, id);
}

/** By id or name. Throws `workflow_not_found`. */
export async function getWorkflow(tx: ReadTx, idOrName: string): Promise<Workflow> {
  const row = (await tx.get(workflowById, { id: idOrName })) ?? (await tx.get(workflowByName, { name: idOrName }));
  if (!row) throw new BursarError('workflow_not_found', { details: { workflow: idOrName } });
  return toWorkflow(row);
}

export async function listWorkflows(tx: ReadTx): Promise<Workflow[]> {
  return (await tx.all(allWorkflows)).map(toWorkflow);
}

export async function setWorkflowStatus(tx: Tx, act: Act, id: string, status: Status): Promise<Workflow> {
  const workflow = await getWorkflow(tx, id);
  refuseRevoked(workflow.status);
  await tx.run(setStatusOfWorkflow, { id: workflow.id, status });
  await recordAct(tx, act, {
    type: 'workflow.status_changed',
    workflowId: workflow.id,
    data: { from: workflow.status, to: status },
  });
  return getWorkflow(tx, workflow.id);
}
