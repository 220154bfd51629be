import {
  type Compilable,
  DummyDriver,
  Kysely,
  type KyselyPlugin,
  OperationNodeTransformer,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type PrimitiveValueListNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  ValueListNode,
  ValueNode,
} from 'kysely';
import type { Dialect, Fragments } from './dialects/fragments.ts';
import { postgres } from './dialects/postgres.ts';
import { sqlite } from './dialects/sqlite.ts';
import { Slot, slots } from './slots.ts';

/** The text of a statement and the sources of its values, in order: a slot of the parameters, or a value of a `query`. */
export type Compiled = {
  readonly sql: string;
  readonly parameters: readonly unknown[];
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
  const { sql, parameters } = build(isDynamic ? db : constants, slots() as never, fragments as never).compile();
  return { sql, parameters };
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
