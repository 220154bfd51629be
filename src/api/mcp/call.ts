import { BursarError } from '../../core/errors/base.ts';
import { log } from '../../core/log/log.ts';
import type { Operation } from '../operations/operation.ts';
import type { Backend, Json, Problem } from './backend.ts';
import { type CallDefaults, fieldsOf, keyed } from './key.ts';
import { problemAnswer } from './problems.ts';
import type { Tool, ToolAnswer } from './tool.ts';
import type { OfferedTool } from './tools.ts';

export type Called = ToolAnswer & { isError: boolean };

/** Runs a tool's operation with a model's arguments. Never throws: an error is an answer too. */
export async function callTool(
  { tool, operation }: OfferedTool,
  backend: Backend,
  args: Json,
  defaults: CallDefaults,
): Promise<Called> {
  const full = withDefaults(tool, operation, args, defaults);
  try {
    const { input, key } = keyed(operation, full, defaults);
    const answered = await backend.call(operation, { ...input, ...tool.fixed }, key);
    if (!answered.ok) return { ...problemAnswer(answered.problem, full), isError: true };
    return { ...tool.answer(answered.answer, full, backend.base), isError: false };
  } catch (error) {
    if (!(error instanceof BursarError)) log.error({ err: error, tool: tool.name }, 'an answer could not be read');
    const known = error instanceof BursarError ? error : new BursarError('internal');
    return { ...problemAnswer(known.toProblem() as Problem, full), isError: true };
  }
}

function withDefaults(tool: Tool, operation: Operation, args: Json, { workflow, run }: CallDefaults): Json {
  const takes = fieldsOf(operation);
  const isJobOpen = takes.has('workflow') && args.workflow === undefined && workflow !== undefined;
  // Some operations take a workflow but no run, for example the budget.
  const isRunOpen = isJobOpen && takes.has('run') && args.run === undefined && run !== undefined;
  return { ...tool.defaults, ...(isJobOpen ? { workflow } : {}), ...(isRunOpen ? { run } : {}), ...args };
}
