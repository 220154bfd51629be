import type { ColumnType } from 'kysely';

/** An integer. SQLite gives bigint (`defaultSafeIntegers`); a safe number may be written. */
export type Integer = ColumnType<bigint, bigint | number, bigint | number>;
export type OptionalInteger = ColumnType<bigint | null, bigint | number | null | undefined, bigint | number | null>;
/** Optional on insert: the database has a default, or numbers the rows itself. */
export type DefaultInteger = ColumnType<bigint, bigint | number | undefined, bigint | number>;
/** A text type with one form: values were checked where they entered the program. */
export type Stored<Form extends string> = ColumnType<Form, string, string>;
export type StoredOrNull<Form extends string> = ColumnType<Form | null, string | null | undefined, string | null>;
/** A column of a view. */
export type Computed<Type> = ColumnType<Type, never, never>;
