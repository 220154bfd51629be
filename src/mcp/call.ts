import { BursarError } from '../errors/base.ts';
import { log } from '../log/log.ts';
import { derivedKey } from '../operation/derivedKey.ts';
import type { Operation } from '../operation/operation.ts';
import { sha256 } from '../operation/paymentRequest.ts';
import type { Door, Json, Problem } from './door.ts';
import { problemAnswer } from './problems.ts';
import type { Tool, ToolAnswer } from './tool.ts';
import type { OfferedTool } from './tools.ts';

/** Given to every call that does not say otherwise. */
export type Standing = { workflow?: string | undefined; run?: string | undefined };
export type Called = ToolAnswer & { isError: boolean };

/** Runs a tool's operation for what a model sent. Never throws: what goes wrong is an answer too. */
export async function callTool(
  { tool, operation }: OfferedTool,
  door: Door,
  args: Json,
  standing: Standing,
): Promise<Called> {
  const full = withStanding(tool, operation, args, standing);
  const { input, key } = keyed(operation, full);
  const answered = await door.call(operation, { ...input, ...tool.fixed }, key);
  if (!answered.ok) return { ...problemAnswer(answered.problem, full), isError: true };
  try {
    return { ...tool.answer(answered.answer, full, door.base), isError: false };
  } catch (error) {
    log.error({ err: error, tool: tool.name }, 'an answer could not be read');
    return { ...problemAnswer(new BursarError('internal').toProblem() as Problem, full), isError: true };
  }
}

function withStanding(tool: Tool, operation: Operation, args: Json, { workflow, run }: Standing): Json {
  const takes = fieldsOf(operation);
  const job = takes.has('workflow') && args.workflow === undefined && workflow !== undefined;
  return {
    ...tool.defaults,
    ...(job ? { workflow, ...(run === undefined || args.run !== undefined ? {} : { run }) } : {}),
    ...args,
  };
}

/**
 * The operation's input and its idempotency key. Without a key of the caller's, the request itself is the key, so that a model
 * which repeats a call does not pay twice: the operation derives it where it can (`again` among its fields), else it is done here.
 */
function keyed(operation: Operation, args: Json): { input: Json; key: string | null } {
  const { idempotency_key: given, ...input } = args;
  if (!operation.idempotent) return { input: args, key: null };
  const takesAgain = fieldsOf(operation).has('again');
  if (typeof given === 'string') return { input: takesAgain ? input : without(input, 'again'), key: given };
  if (takesAgain) return { input: { again: 1, ...input }, key: null };
  const { again = 1, workflow = null, run = null, ...request } = input;
  const derived = derivedKey({
    workflow: textOrNull(workflow),
    run: textOrNull(run),
    method: operation.method,
    url: operation.path,
    bodySha256: sha256(canonical(request)),
    again: typeof again === 'number' ? again : Number.NaN,
  });
  return { input: without(input, 'again'), key: `mcp-${sha256(derived)}` };
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

function without(input: Json, name: string): Json {
  return Object.fromEntries(Object.entries(input).filter(([each]) => each !== name));
}

function fieldsOf(operation: Operation): Set<string> {
  return new Set('shape' in operation.input ? Object.keys(operation.input.shape as object) : []);
}

/** The same whatever order the fields come in. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
