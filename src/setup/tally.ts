/** How many passed and failed, and which failed. */
export type Tally = { passed: number; failed: number; failures: string[] };

/** Reads the counts out of what a test tool printed as JSON. Throws where the text is not that tool's report. */
export type TallyReader = (text: string) => Tally;

type VitestReport = {
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
  }[];
};

/** vitest's `json` reporter. A file that fails outside its tests (it does not import) counts as one failure. */
export function vitestTally(text: string): Tally {
  const tally = empty();
  const report: VitestReport = JSON.parse(text);
  for (const file of report.testResults) {
    const tests = file.assertionResults;
    for (const test of tests) {
      count(tally, test.status === 'passed', `${file.name}: ${test.fullName}`, test.failureMessages?.[0]);
    }
    if (file.status === 'failed' && tests.every((test) => test.status === 'passed')) {
      count(tally, false, file.name, file.message);
    }
  }
  return some(tally);
}

type ForgeReport = Record<string, { test_results: Record<string, { status: string; reason?: string | null }> }>;

/** `forge test --json`: suites by name, tests by signature. Anything but Success is a failure: nothing is skipped here. */
export function forgeTally(text: string): Tally {
  const tally = empty();
  const report: ForgeReport = JSON.parse(text);
  for (const [suite, { test_results }] of Object.entries(report)) {
    for (const [name, test] of Object.entries(test_results)) {
      count(tally, test.status === 'Success', `${suite}: ${name}`, test.reason ?? test.status);
    }
  }
  return some(tally);
}

type OpaReport = { package: string; name: string; fail?: boolean; skip?: boolean; error?: unknown }[];

/** `opa test --format json`: a list of results; passed ones have neither fail, skip nor error. */
export function opaTally(text: string): Tally {
  const tally = empty();
  const report: OpaReport = JSON.parse(text);
  for (const test of report) {
    const reason = test.error === undefined ? undefined : JSON.stringify(test.error);
    count(tally, !test.fail && !test.skip && test.error === undefined, `${test.package}.${test.name}`, reason);
  }
  return some(tally);
}

type OpaCoverage = { coverage: number; files: Record<string, { not_covered?: { start: { row: number } }[] }> };

/** `opa test --coverage --format json`: one check, which fails at the first line that no test reaches. */
export function opaCoverageTally(text: string): Tally {
  const tally = empty();
  const report: OpaCoverage = JSON.parse(text);
  const missed = Object.entries(report.files).flatMap(([file, { not_covered = [] }]) =>
    not_covered.map(({ start }) => `${file}:${start.row}`),
  );
  count(
    tally,
    report.coverage === 100 && missed.length === 0,
    'every line of Rego is tested',
    [...new Set(missed)].join(', '),
  );
  return tally;
}

/** The line every runner ends with, and `.ci/run` adds up. */
export function summary(tally: Pick<Tally, 'passed' | 'failed'>): string {
  return `${tally.passed} passed, ${tally.failed} failed`;
}

export function failure(what: string): Tally {
  return { passed: 0, failed: 1, failures: [what] };
}

export function sum(tallies: readonly Tally[]): Tally {
  const total = empty();
  for (const tally of tallies) {
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.failures.push(...tally.failures);
  }
  return total;
}

function empty(): Tally {
  return { passed: 0, failed: 0, failures: [] };
}

/** A run that found no test at all has not shown anything. */
function some(tally: Tally): Tally {
  return tally.passed + tally.failed > 0 ? tally : failure('no test was found');
}

function count(tally: Tally, passed: boolean, name: string, reason?: string): void {
  if (passed) {
    tally.passed += 1;
    return;
  }
  tally.failed += 1;
  tally.failures.push(reason ? `${name}: ${reason.slice(0, 2_000)}` : name);
}
