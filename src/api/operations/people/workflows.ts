import { z } from 'zod';
import { iso, newName, Ref } from '../../../core/schemas/schemas.ts';
import type { Workflow } from '../../../decide/identity/identity.ts';
import { createWorkflow, listWorkflows, setWorkflowStatus } from '../../../decide/identity/workflows.ts';
import { actOf, status } from '../act.ts';
import { operation } from '../operation.ts';

const WorkflowView = z
  .object({ id: z.string(), name: z.string(), status, created_at: z.string() })
  .meta({ id: 'Workflow' });
const view = (workflow: Workflow): z.input<typeof WorkflowView> => ({
  id: workflow.id,
  name: workflow.name,
  status: workflow.status,
  created_at: iso(workflow.createdAtMs),
});

export const workflowOperations = [
  operation({
    name: 'create_workflow',
    summary: 'Create a workflow: the named job on whose behalf payments are made.',
    method: 'POST',
    path: '/v1/workflows',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject(newName),
    output: WorkflowView,
    errors: ['conflict', 'confusable_name'],
    handler: (app, caller, { name, confirm_confusable: confirmConfusable }) =>
      app.store.write(async (tx) => view(await createWorkflow(tx, actOf(app, caller), { name, confirmConfusable }))),
  }),
  operation({
    name: 'list_workflows',
    summary: 'List workflows.',
    method: 'GET',
    path: '/v1/workflows',
    scope: 'read',
    cost: 'medium',
    input: z.strictObject({}),
    output: z.object({ workflows: z.array(WorkflowView) }),
    errors: [],
    handler: async (app) => ({ workflows: await app.store.read(async (tx) => (await listWorkflows(tx)).map(view)) }),
  }),
  operation({
    name: 'set_workflow_status',
    summary: 'Freeze, unfreeze or revoke a workflow.',
    method: 'POST',
    path: '/v1/workflows/{id}/status',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ id: Ref, status }),
    output: WorkflowView,
    errors: ['workflow_not_found', 'conflict'],
    handler: (app, caller, input) =>
      app.store.write(async (tx) => view(await setWorkflowStatus(tx, actOf(app, caller), input.id, input.status))),
  }),
];
