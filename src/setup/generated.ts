/**
 * Everything in the repository that is made from something else. `npm run generate` makes it again;
 * `npm run drift` (`--check`) proves that what is committed is what its sources give.
 */
import { run, script } from './run.ts';
import { summary } from './tally.ts';

type Artefact = { name: string; generate: string[]; check: string[] };

const artefacts: Artefact[] = [
  {
    name: 'policies/schemas, policies/starter/bundle.generated.json',
    generate: script('src/decide/policy/generate.ts'),
    check: script('src/decide/policy/generate.ts', '--check'),
  },
  {
    name: 'src/chain/contracts/contracts.generated.ts',
    generate: script('contracts/build.ts'),
    check: script('contracts/build.ts', '--check'),
  },
  {
    name: 'docs/errors.md, docs/openapi.json, docs/states.md',
    generate: script('src/setup/documents.ts'),
    check: script('src/setup/documents.ts', '--check'),
  },
];

const check = process.argv.includes('--check');
const counts = { passed: 0, failed: 0 };
for (const artefact of artefacts) {
  const { code } = await run(check ? artefact.check : artefact.generate);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${artefact.name}`);
  counts[code === 0 ? 'passed' : 'failed'] += 1;
}
console.log(summary(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;
