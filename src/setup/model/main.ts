/** `npm run model`: checks docs/model/payments.pml and every broken variant of it; fails if it fails, or if a variant does not. */
import { readFileSync } from 'node:fs';
import { type Checked, checkModel, modelPath } from './check.ts';
import { type Mistake, mistakes, rightSizes, sizes } from './mistakes.ts';
import { resolveSpin } from './spin.ts';

const spin = await resolveSpin((line) => console.log(line));
const shown = process.argv[2];
if (shown === undefined) process.exitCode = (await checkAll()) ? 0 : 1;
else await show(shown);

async function checkAll(): Promise<boolean> {
  let isRight = true;
  console.log('\n| the right model | states | seconds | result |\n|---|---|---|---|');
  const neverTaken: number[][] = [];
  for (const name of rightSizes) {
    const checked = await checkModel(spin, sizes[name], 'exhaustive');
    neverTaken.push(checked.neverTaken);
    isRight = printRight(name, checked, 'all properties hold') && isRight;
  }
  for (const name of ['wallet', 'purchase'] as const) {
    const checked = await checkModel(spin, { ...sizes[name], servers: 2 }, 'finite');
    isRight = printRight(`${name}, two servers`, checked, 'every course ends') && isRight;
  }
  const dead = deadSteps(neverTaken);
  console.log(dead.length === 0 ? '\nEvery step of the model was taken.' : `\nNEVER TAKEN:\n${dead.join('\n')}`);
  console.log('\n| broken variant | mistake | what fails | steps | states | seconds |\n|---|---|---|---|---|---|');
  const survivors: string[] = [];
  for (const mistake of mistakes) if (!(await isCaught(mistake))) survivors.push(mistake.name);
  console.log(survivors.length === 0 ? `\nAll ${mistakes.length} are caught.` : `\nSURVIVED: ${survivors.join(', ')}`);
  return isRight && dead.length === 0 && survivors.length === 0;
}

function printRight(name: string, { states, seconds, failure }: Checked, result: string): boolean {
  console.log(`| ${name} | ${states} | ${seconds} | ${failure === null ? result : `FAILS: ${failure.property}`} |`);
  for (const step of failure?.steps ?? []) console.log(`    ${step}`);
  return failure === null;
}

async function isCaught({ name, what, size }: Mistake): Promise<boolean> {
  const { failure, states, seconds } = await checkModel(spin, sizes[size], 'shortest', name);
  const found = failure === null ? 'NOTHING | -' : `${failure.property} | ${failure.steps.length}`;
  console.log(`| ${name} | ${what} | ${found} | ${states} | ${seconds} |`);
  return failure !== null;
}

/** A model in which a step cannot happen proves nothing about it. The seller's word exists in a broken variant only. */
function deadSteps(neverTaken: readonly number[][]): string[] {
  const lines = readFileSync(modelPath, 'utf8').split('\n');
  const [first = [], ...others] = neverTaken;
  return first
    .filter((line) => others.every((each) => each.includes(line)))
    .map((line) => `${line}: ${(lines[line - 1] ?? '').trim()}`)
    .filter((text) => !text.includes('canBelieve'));
}

async function show(name: string): Promise<void> {
  const mistake = mistakes.find((each) => each.name === name);
  if (!mistake) throw new Error(`No such variant: ${name}. There are ${mistakes.map((each) => each.name).join(', ')}.`);
  const { failure } = await checkModel(spin, sizes[mistake.size], 'shortest', name);
  console.log(`${mistake.what}.\n`);
  for (const step of failure?.steps ?? []) console.log(step);
  console.log(failure === null ? 'Nothing fails.' : `\nThen this fails: ${failure.property}.`);
}
