import { DATA_FILE, parseData, readBundle, withAmounts, writeBundle } from '../../src/decide/policy/bundle.ts';
import { readStarterBundle } from '../../src/decide/policy/starter.ts';

/** The starter policy with another cap. */
export const stricterBundle = (): Promise<string> => starterWith('limit: "50.00"', 'limit: "40.00"');

/** The starter policy with another line in its data.yaml: the WebAssembly is the same, limits are data. */
export const starterWith = (line: string, other: string): Promise<string> => starterWithAll([[line, other]]);

/** The same with several lines: each as it is, and the other. */
export async function starterWithAll(lines: readonly (readonly [line: string, other: string])[]): Promise<string> {
  const { bundle } = readBundle(await readStarterBundle());
  const before = bundle.files[DATA_FILE] ?? '';
  const text = lines.reduce((now, [line, other]) => {
    if (!now.includes(line)) throw new Error(`The starter's data has no ${line}.`);
    return now.replace(line, other);
  }, before);
  const data = parseData(text);
  if (!data) throw new Error('The starter bundle has no data.');
  return writeBundle({ ...bundle, files: { ...bundle.files, [DATA_FILE]: text }, data: withAmounts(data) });
}
