import { type Act, recordAct, type Status } from '../../books/ledger/audit.ts';
import { BursarError } from '../../core/errors/base.ts';
import { newId, type WorkflowId } from '../../core/ids/ids.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { takeName } from './names.ts';
import { refuseRevoked } from './sponsors.ts';

/** The named job on whose behalf a payment is made. */
export type Workflow = { id: WorkflowId; name: string; status: Status; createdAtMs: number };
type Row = { id: string; name: string; status: string; created_at: bigint };

const toWorkflow = (row: Row): Workflow => ({
  id: row.id as WorkflowId,
  name: row.name,
  status: row.status as Status,
  createdAtMs: Number(row.created_at),
});

export function createWorkflow(
  tx: Tx,
  act: Act,
  input: { name: string; confirmConfusable?: boolean | undefined },
): Workflow {
  const id = newId('workflow');
  takeName(tx, 'workflows', { id, ...input });
  tx.run("INSERT INTO workflows (id, name, status, created_at) VALUES (?, ?, 'active', ?)", id, input.name, act.atMs);
  recordAct(tx, act, { type: 'workflow.created', workflowId: id, data: { name: input.name } });
  return getWorkflow(tx, id);
}

/** By id or name. Throws `workflow_not_found`. */
export function getWorkflow(tx: ReadTx, idOrName: string): Workflow {
  const row =
    tx.get<Row>('SELECT * FROM workflows WHERE id = ?', idOrName) ??
    tx.get<Row>('SELECT * FROM workflows WHERE name = ?', idOrName);
  if (!row) throw new BursarError('workflow_not_found', { details: { workflow: idOrName } });
  return toWorkflow(row);
}

export function listWorkflows(tx: ReadTx): Workflow[] {
  return tx.all<Row>('SELECT * FROM workflows ORDER BY id').map(toWorkflow);
}

export function setWorkflowStatus(tx: Tx, act: Act, id: string, status: Status): Workflow {
  const workflow = getWorkflow(tx, id);
  refuseRevoked(workflow.status);
  tx.run('UPDATE workflows SET status = ? WHERE id = ?', status, workflow.id);
  recordAct(tx, act, {
    type: 'workflow.status_changed',
    workflowId: workflow.id,
    data: { from: workflow.status, to: status },
  });
  return getWorkflow(tx, workflow.id);
}
