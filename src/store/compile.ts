import {
  AliasNode,
  type Compilable,
  DummyDriver,
  Kysely,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type PrimitiveValueListNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  TableNode,
  ValueListNode,
  ValueNode,
} from 'kysely';
import { invariant } from '../core/errors/base.ts';
import type { Dialect, Fragments } from './dialects/fragments.ts';
import { postgres } from './dialects/postgres.ts';
import { sqlite } from './dialects/sqlite.ts';
import { Slot, slots } from './slots.ts';

/** The text of a statement and the sources of its values, in order: a slot of the parameters, or a value of a `query`. */
export type Compiled = {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** Every table that the statement names, ordered by name. */
  readonly tables: readonly string[];
};

type Builder = { db: Kysely<unknown>; constants: Kysely<unknown>; fragments: Fragments<never> };
const builders: Partial<Record<Dialect, Builder>> = {};

function builderOf(dialect: Dialect): Builder {
  let builder = builders[dialect];
  if (!builder) {
    const db = new Kysely<unknown>({
      dialect: {
        createDriver: () => new DummyDriver(),
        createAdapter: () => (dialect === 'sqlite' ? new SqliteAdapter() : new PostgresAdapter()),
        createIntrospector: (of) => (dialect === 'sqlite' ? new SqliteIntrospector(of) : new PostgresIntrospector(of)),
        createQueryCompiler: () => (dialect === 'sqlite' ? new SqliteQueryCompiler() : new PostgresQueryCompiler()),
      },
    });
    const fragments: Fragments<never> = dialect === 'sqlite' ? sqlite : postgres;
    builder = { db, constants: db.withPlugin(constantsInText), fragments };
    builders[dialect] = builder;
  }
  return builder;
}

/** Compiles a statement. `isDynamic`: its values stay bound, since the text would differ at each call. */
export function compile(
  dialect: Dialect,
  build: (db: Kysely<unknown>, p: never, f: never) => Compilable<unknown>,
  isDynamic: boolean,
): Compiled {
  const { db, constants, fragments } = builderOf(dialect);
  const built = build(isDynamic ? db : constants, slots() as never, fragments as never).compile();
  return {
    sql: built.sql,
    parameters: built.parameters,
    tables: [...tablesOf(built.query, new Set())].sort(),
  };
}

/** Replaces all values except slots by SQL literals in the text. */
class ConstantsInText extends OperationNodeTransformer {
  protected override transformValue(node: ValueNode): ValueNode {
    return node.value instanceof Slot ? node : ValueNode.createImmediate(node.value);
  }

  protected override transformPrimitiveValueList(node: PrimitiveValueListNode): PrimitiveValueListNode {
    const values = node.values.map((value) => this.transformValue(ValueNode.create(value)));
    const list: unknown = ValueListNode.create(values);
    return list as PrimitiveValueListNode;
  }
}
const transformer = new ConstantsInText();
const constantsInText: KyselyPlugin = {
  transformQuery: ({ node, queryId }) => transformer.transformNode(node, queryId),
  transformResult: async ({ result }) => result,
};

function nameOf(node: OperationNode | undefined): string {
  if (node && AliasNode.is(node)) return nameOf(node.node);
  invariant(node && TableNode.is(node), 'A statement writes to one table.');
  return node.table.identifier.name;
}

/** Collects the names of tables anywhere in the tree, including those that a `with` defines. */
function tablesOf(node: unknown, found: Set<string>): Set<string> {
  if (typeof node !== 'object' || node === null || node instanceof Slot) return found;
  if ('kind' in node && TableNode.is(node as OperationNode)) found.add(nameOf(node as TableNode));
  for (const part of Object.values(node)) tablesOf(part, found);
  return found;
}
