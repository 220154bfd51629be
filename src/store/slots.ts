/** The types that SQLite takes and gives. Integers come back as bigint (`defaultSafeIntegers`). */
export type SqlValue = string | number | bigint | null;

/** The type of a parameter: one value, or a list that is bound as one value. */
export type Parameter = SqlValue | readonly (string | number | bigint)[];

type Encode = (list: readonly (string | number | bigint)[]) => unknown;

/**
 * The placeholder of one parameter while a statement is built. Kysely's compiler passes it through as a value, so its index among
 * the compiled parameters tells where to bind the run-time value. `encode` turns a list into the one value that the dialect binds.
 */
export class Slot {
  readonly name: string;
  readonly encode: Encode | null;

  constructor(name: string, encode: Encode | null = null) {
    this.name = name;
    this.encode = encode;
  }
}

declare const element: unique symbol;
/** The slot of a list. Only the dialect's fragments accept it, since a list in `in (…)` would be one value. */
export type ListSlot<T> = { readonly [element]: T };
/** A list in a fragment: a slot in a `statement`, the list itself in a `query`. */
export type List<T> = ListSlot<T> | readonly T[];

/** Columns hold bigint; a caller may also pass a number. */
type SlotOf<T> = T extends readonly (infer U)[] ? ListSlot<U> : T extends number | bigint ? bigint : T;
/** The parameters as a statement sees them. */
export type Slots<P> = { readonly [K in keyof P]: SlotOf<P[K]> };

/** Returns a slot for each requested name. */
export const slots = (): unknown => {
  const known = new Map<string, Slot>();
  return new Proxy(
    {},
    {
      get: (_, name) => {
        if (typeof name !== 'string') return undefined;
        let slot = known.get(name);
        if (!slot) {
          slot = new Slot(name);
          known.set(name, slot);
        }
        return slot;
      },
    },
  );
};

/** Encodes a list as the one value that is bound: now, or through the slot at each run. */
export function asOneValue<T>(list: List<T>, encode: Encode): unknown {
  const given: unknown = list;
  return given instanceof Slot ? new Slot(given.name, encode) : encode(given as Parameters<Encode>[0]);
}
