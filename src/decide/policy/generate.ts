import { checkStarterDrift, generatePolicyFiles } from './starter.ts';

// `tsx src/decide/policy/generate.ts` writes schemas and the starter bundle; with `--check` it only reports whether they are
// current.
if (process.argv.includes('--check')) {
  const stale = await checkStarterDrift();
  if (stale.length > 0) {
    process.stderr.write(`Not what the sources make: ${stale.map((path) => `policies/${path}`).join(', ')}.\n`);
    process.exitCode = 1;
  }
} else {
  await generatePolicyFiles();
}
