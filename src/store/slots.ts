/** What SQLite takes and gives. Integers come back as bigint (`defaultSafeIntegers`). */
export type SqlValue = string | number | bigint | null;

/** What a parameter may be: one value, or a list that is bound as one value. */
export type Parameter = SqlValue | readonly (string | number | bigint)[];

type Encode = (list: readonly (string | number | bigint)[]) => unknown;

/**
 * The place of one parameter while a statement is built. It passes through Kysely's compiler as a value, so that its position in the
 * compiled parameters says where the run-time value is bound. `encode` turns a list into the one value that the dialect binds.
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
/** The slot of a list: only the dialect's fragments take it, since a list in `in (…)` would be one value. */
export type ListSlot<T> = { readonly [element]: T };
/** A list in a fragment: a slot in a `statement`, the list itself in a `query`. */
export type List<T> = ListSlot<T> | readonly T[];

/** Integers count as bigint, which is what columns hold; a caller may give a number all the same. */
type SlotOf<T> = T extends readonly (infer U)[] ? ListSlot<U> : T extends number | bigint ? bigint : T;
/** What a statement sees of its parameters. */
export type Slots<P> = { readonly [K in keyof P]: SlotOf<P[K]> };

/** A slot for each name that is asked for. */
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

/** A list as the one value that is bound: encoded now, or by the slot at each run. */
export function asOneValue<T>(list: List<T>, encode: Encode): unknown {
  const given: unknown = list;
  return given instanceof Slot ? new Slot(given.name, encode) : encode(given as Parameters<Encode>[0]);
}
