/**
 * The array methods for callbacks that read or write: one after another, since a transaction takes one statement at a time.
 * Where nothing is awaited, the methods of the array itself do.
 */
type Step<T, R> = (item: T, index: number) => Promise<R>;

export async function mapInOrder<T, R>(items: Iterable<T>, step: Step<T, R>): Promise<R[]> {
  const results: R[] = [];
  let index = 0;
  for (const item of items) results.push(await step(item, index++));
  return results;
}

export async function flatMapInOrder<T, R>(items: Iterable<T>, step: Step<T, R | readonly R[]>): Promise<R[]> {
  return (await mapInOrder(items, step)).flat(1) as R[];
}

export async function filterInOrder<T>(items: Iterable<T>, keeps: Step<T, boolean>): Promise<T[]> {
  return await flatMapInOrder(items, async (item, index) => ((await keeps(item, index)) ? [item] : []));
}

/** Asks no further than the first that is found. */
export async function findInOrder<T>(items: Iterable<T>, is: Step<T, boolean>): Promise<T | undefined> {
  let index = 0;
  for (const item of items) if (await is(item, index++)) return item;
  return undefined;
}

export async function someInOrder<T>(items: Iterable<T>, is: Step<T, boolean>): Promise<boolean> {
  let index = 0;
  for (const item of items) if (await is(item, index++)) return true;
  return false;
}

export async function everyInOrder<T>(items: Iterable<T>, is: Step<T, boolean>): Promise<boolean> {
  return !(await someInOrder(items, async (item, index) => !(await is(item, index))));
}

export async function eachInOrder<T>(items: Iterable<T>, step: Step<T, void>): Promise<void> {
  await mapInOrder(items, step);
}

export async function reduceInOrder<T, R>(
  items: Iterable<T>,
  step: (sum: R, item: T) => Promise<R>,
  first: R,
): Promise<R> {
  let sum = first;
  for (const item of items) sum = await step(sum, item);
  return sum;
}
