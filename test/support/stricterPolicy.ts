import { DATA_FILE, parseData, readBundle, withAmounts, writeBundle } from '../../src/policy/bundle.ts';
import { readStarterBundle } from '../../src/policy/starter.ts';

/** The starter policy with another cap: the WebAssembly is the same, limits are data. */
export async function stricterBundle(): Promise<string> {
  const { bundle } = readBundle(await readStarterBundle());
  const text = (bundle.files[DATA_FILE] ?? '').replace('limit: "50.00"', 'limit: "40.00"');
  const data = parseData(text);
  if (!data) throw new Error('The starter bundle has no data.');
  return writeBundle({ ...bundle, files: { ...bundle.files, [DATA_FILE]: text }, data: withAmounts(data) });
}
