import { parseSync } from 'vite';

/** A node of an ESTree: what it has beside its kind and place depends on the kind. */
type Node = { type: string; start: number; end: number } & { [key: string]: unknown };

/** Helpers of src/core/inOrder.ts: they await nothing but their callbacks, which are looked at themselves. */
const IN_ORDER = /^\w+InOrder$/;
/** Types of what reads and writes: transactions, and readers that are made of one. */
const TRANSACTION_TYPE = /^:\s*([^<>=]*\b(ReadTx|Tx|WriterTx)\b[^<>=]*|Snapshot\['tx'\])$/;

/**
 * What is awaited inside a transaction and is not the transaction, as `line: text`. Inside are the jobs of `store.read` and `store.write`,
 * and functions that take `tx`. Awaited may be `tx.…`, a call that is handed the tx, a helper that runs a callback in order, and a
 * function that the transaction's own function was given or made. Everything else would keep all other work waiting, or stop it for good.
 */
export function foreignAwaits(path: string, text: string): string[] {
  const found: string[] = [];
  const report = (node: Node): void => {
    const line = text.slice(0, node.start).split('\n').length;
    found.push(`${path}:${line}: ${text.slice(node.start, node.end).replace(/\s+/g, ' ').slice(0, 100)}`);
  };
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);

  /** `scope`: null outside of a transaction. */
  function visit(node: Node, scope: Scope | null): void {
    let inside = scope;
    if (isFunction(node)) {
      const { params, body } = node as Node & { params: Node[]; body: Node };
      const own = params.filter((each) => isTransaction(each, text));
      if (own.length > 0 || isJob(node)) {
        inside = { txs: new Set([...(scope?.txs ?? []), ...own.flatMap(namesIn)]), locals: new Set(scope?.locals) };
      } else if (scope) inside = { txs: scope.txs, locals: new Set(scope.locals) };
      if (inside) {
        for (const each of params) for (const name of namesIn(each)) inside.locals.add(name);
        declared(body, inside.locals);
        if (isJob(node) && bare(body).type === 'CallExpression' && !mentions(body, inside)) report(body);
        for (const name of madeOf(body, inside)) inside.txs.add(name);
      }
    }
    if (inside && node.type === 'AwaitExpression' && !isAllowed(node.argument as Node, inside)) report(node);
    if (inside && node.type === 'ForOfStatement' && node.await === true && !isAllowed(node.right as Node, inside)) {
      report(node.right as Node);
    }
    for (const child of childrenOf(node)) {
      if (isFunction(child) && isJobArgument(node, child)) jobs.add(child);
      visit(child, inside);
    }
  }

  const jobs = new WeakSet<Node>();
  const isJob = (node: Node): boolean => jobs.has(node);
  for (const statement of program.body) visit({ ...statement }, null);
  return found;
}

/** `txs`: names of transactions. `locals`: what the functions inside were given or have declared. */
type Scope = { txs: Set<string>; locals: Set<string> };

function isAllowed(awaited: Node, scope: Scope): boolean {
  const node = bare(awaited);
  // A value that is there already, or a text, awaits nothing.
  if (node.type === 'ConditionalExpression') {
    return isAllowed(node.consequent as Node, scope) && isAllowed(node.alternate as Node, scope);
  }
  if (node.type === 'LogicalExpression') return isAllowed(node.right as Node, scope);
  if (node.type === 'Identifier') return node.name === 'undefined';
  if (node.type !== 'CallExpression') return !['NewExpression', 'ImportExpression'].includes(node.type);
  const callee = bare(node.callee as Node);
  const args = node.arguments as Node[];
  // Another transaction would wait for this one.
  if (args.some((each) => isJobArgument(node, each))) return false;
  if (args.some((each) => handsOn(each, scope))) return true;
  const root = rootOf(callee);
  if (root === null) return false;
  if (root === 'expect') return true;
  if (callee.type === 'Identifier' && IN_ORDER.test(root)) return true;
  return scope.txs.has(root) || scope.locals.has(root);
}

/** `tx`, `snapshot.tx`, what is made of it, an object that holds it, or a function that hands it on. */
function handsOn(argument: Node, scope: Scope): boolean {
  const node = bare(argument);
  if (node.type === 'Identifier') return scope.txs.has(node.name as string);
  if (node.type === 'MemberExpression') return (node.property as Node).name === 'tx';
  if (node.type === 'CallExpression') {
    const object = (bare(node.callee as Node).object ?? null) as Node | null;
    return (
      (node.arguments as Node[]).some((each) => handsOn(each, scope)) || (object !== null && handsOn(object, scope))
    );
  }
  if (node.type === 'ArrowFunctionExpression') {
    const own = (node.params as Node[]).flatMap(namesIn);
    return handsOn(node.body as Node, { ...scope, txs: new Set([...scope.txs].filter((name) => !own.includes(name))) });
  }
  if (node.type !== 'ObjectExpression') return false;
  return (node.properties as Node[]).some((each) =>
    each.type === 'SpreadElement' ? handsOn(each.argument as Node, scope) : handsOn(each.value as Node, scope),
  );
}

/** Whether a transaction is named anywhere in it. */
function mentions(node: Node, { txs }: Scope): boolean {
  if (node.type === 'Identifier' && txs.has(node.name as string)) return true;
  return childrenOf(node).some((child) => mentions(child, { txs, locals: txs }));
}

/** Names of what a body makes of a transaction and does not wait for: a reader, an observed transaction. */
function madeOf(node: Node, scope: Scope): string[] {
  if (isFunction(node)) return [];
  const init = node.type === 'VariableDeclarator' ? (node.init as Node | null) : null;
  const own = init && bare(init).type === 'CallExpression' && handsOn(init, scope) ? namesIn(node.id as Node) : [];
  return [...own, ...childrenOf(node).flatMap((child) => madeOf(child, scope))];
}

function rootOf(callee: Node): string | null {
  let node = bare(callee);
  while (node.type === 'MemberExpression' || node.type === 'CallExpression') {
    node = bare((node.type === 'MemberExpression' ? node.object : node.callee) as Node);
  }
  return node.type === 'Identifier' ? (node.name as string) : null;
}

function bare(node: Node): Node {
  let inner = node;
  while (
    /^(ChainExpression|ParenthesizedExpression|TSAsExpression|TSNonNullExpression|TSSatisfiesExpression)$/.test(
      inner.type,
    )
  ) {
    inner = inner.expression as Node;
  }
  return inner;
}

const isFunction = (node: Node): boolean =>
  node.type === 'ArrowFunctionExpression' || node.type === 'FunctionExpression' || node.type === 'FunctionDeclaration';

/** The job in `store.read(job)` and `store.write(job)`: of anything that is called a store. */
function isJobArgument(call: Node, argument: Node): boolean {
  if (call.type !== 'CallExpression' || (call.arguments as Node[])[0] !== argument) return false;
  const callee = bare(call.callee as Node);
  if (callee.type !== 'MemberExpression' || !/^(read|write)$/.test(String((callee.property as Node).name)))
    return false;
  const object = bare(callee.object as Node);
  const name = object.type === 'MemberExpression' ? (object.property as Node).name : object.name;
  return /store$/i.test(String(name));
}

function isTransaction(parameter: Node, text: string): boolean {
  const type = parameter.typeAnnotation as Node | null | undefined;
  return (
    (parameter.type === 'Identifier' && parameter.name === 'tx') ||
    Boolean(type && parameter.type === 'Identifier' && TRANSACTION_TYPE.test(text.slice(type.start, type.end)))
  );
}

/** The names that a pattern binds. */
function namesIn(pattern: Node | null): string[] {
  if (!pattern) return [];
  if (pattern.type === 'Identifier') return [pattern.name as string];
  if (pattern.type === 'AssignmentPattern') return namesIn(pattern.left as Node);
  if (pattern.type === 'RestElement') return namesIn(pattern.argument as Node);
  if (pattern.type === 'ArrayPattern') return (pattern.elements as (Node | null)[]).flatMap(namesIn);
  if (pattern.type !== 'ObjectPattern') return [];
  return (pattern.properties as Node[]).flatMap((each) => namesIn((each.value ?? each.argument) as Node));
}

/** Adds what a body declares, not what the functions in it do. */
function declared(node: Node, into: Set<string>): void {
  if (node.type === 'VariableDeclarator') for (const name of namesIn(node.id as Node)) into.add(name);
  if (node.type === 'FunctionDeclaration') into.add((node.id as Node).name as string);
  if (isFunction(node)) return;
  for (const child of childrenOf(node)) declared(child, into);
}

function childrenOf(node: Node): Node[] {
  const isNode = (value: unknown): value is Node =>
    typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}
