import type { ColumnType } from 'kysely';

/** An integer. SQLite gives bigint (`defaultSafeIntegers`); a safe number may be written. */
export type Integer = ColumnType<bigint, bigint | number, bigint | number>;
export type OptionalInteger = ColumnType<bigint | null, bigint | number | null | undefined, bigint | number | null>;
/** Written only where it is known: the database has a default, or counts rows itself. */
export type DefaultInteger = ColumnType<bigint, bigint | number | undefined, bigint | number>;
/** Text in one form: what is written was checked where it entered the program. */
export type Stored<Form extends string> = ColumnType<Form, string, string>;
export type StoredOrNull<Form extends string> = ColumnType<Form | null, string | null | undefined, string | null>;
/** A column of a view. */
export type Computed<Type> = ColumnType<Type, never, never>;
