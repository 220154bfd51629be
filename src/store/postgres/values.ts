import pg from 'pg';

const { builtins } = pg.types;
type Parse = (text: string) => unknown;

const integer: Parse = (text) => BigInt(text);
/** A sum of bigint is numeric, and integral. An average may not be. */
const numeric: Parse = (text) => (/^-?\d+$/.test(text) ? BigInt(text) : Number(text));
const asText: Parse = (text) => text;

const parsers = new Map<number, Parse>([
  [builtins.INT2, integer],
  [builtins.INT4, integer],
  [builtins.INT8, integer],
  [builtins.OID, integer],
  [builtins.NUMERIC, numeric],
  [builtins.FLOAT4, Number],
  [builtins.FLOAT8, Number],
  // A condition is 1 or 0 on SQLite.
  [builtins.BOOL, (text) => (text === 't' ? 1n : 0n)],
]);

const getTypeParser: unknown = (oid: number): Parse => parsers.get(oid) ?? asText;
/** Parses columns into what SQLite gives for them: bigint, text, null. */
export const rowTypes = { getTypeParser } as pg.CustomTypesConfig;
