import type { Selectable } from 'kysely';
import type { BooksTables } from './books.ts';
import type { ChainTables } from './chain.ts';
import type { ControlTables } from './control.ts';
import type { DecisionsTables } from './decisions.ts';
import type { EarningTables } from './earning.ts';
import type { IdentityTables } from './identity.ts';
import type { PaymentsTables } from './payments.ts';

/** Every table and column, as the migrations make them. `schema.test.ts` compares the two. */
export interface Schema
  extends IdentityTables,
    DecisionsTables,
    PaymentsTables,
    BooksTables,
    ChainTables,
    EarningTables,
    ControlTables {}

/** A whole row of a table as it is read. */
export type RowIn<T extends keyof Schema> = Selectable<Schema[T]>;
