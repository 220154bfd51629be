import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { foreignAwaits } from '../src/setup/transactionAwaits.ts';

/** Style rules as a test. Each rule says what to do instead; an exception is written down here, with its reason. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const texts = new Map(tracked.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
for (const [path, text] of texts) if (text.includes('\0')) texts.delete(path);

const isGenerated = (path: string): boolean => path.includes('.generated.');
const isTest = (path: string): boolean => /\.test(-d)?\.ts$|^test\/|\.t\.sol$|_test\.rego$/.test(path);
const isCode = (path: string): boolean => /\.(ts|tsx|mjs|cjs|sol|rego)$/.test(path) && !isGenerated(path);
const isTypeScript = (path: string): boolean => /\.tsx?$/.test(path) && !isGenerated(path);

/** Modules that are given what they need: the time, the settings, the random numbers. */
const isPure = (path: string): boolean =>
  /^src\/(core\/(errors|money|ids|text|payment)|books\/(ledger|meters)|decide\/(payments|policy))\//.test(path) &&
  !isTest(path);
/** `path: rule` of what a pure module does all the same, and why. */
const excused = new Map<string, string>([
  [
    'src/decide/policy/loadPolicy.ts: a monotonic clock',
    'a decision that took too long is a denial, so evaluation is measured',
  ],
  ['src/decide/policy/opa.ts: the network', 'the same: the release is fetched where nothing else is available'],
  ['src/decide/policy/probe.ts: timers', 'a policy that loops is found when it is loaded, in a worker that is ended'],
]);

/** The lines of the chosen files that match, as `path:line: text`. */
function lines(pattern: RegExp, choose: (path: string) => boolean): string[] {
  const found: string[] = [];
  for (const [path, text] of texts) {
    if (!choose(path)) continue;
    text.split('\n').forEach((line, index) => {
      if (pattern.test(line)) found.push(`${path}:${index + 1}: ${line.trim().slice(0, 120)}`);
    });
  }
  return found;
}

describe('pure modules', () => {
  it.each([
    ['Date.now', /\bDate\.now\b/, 'take the timestamp of the request as an argument'],
    ['the current date', /\bnew Date\(\s*\)/, 'take the timestamp of the request as an argument'],
    ['a monotonic clock', /\bperformance\.now\b|\bprocess\.hrtime\b/, 'measure outside'],
    ['Math.random', /\bMath\.random\b/, 'take the value as an argument'],
    ['parseFloat', /\bparseFloat\b/, 'parseUsdc: money is never a float'],
    ['toFixed', /\.toFixed\(/, 'formatUsdc: money is never a float'],
    ['process.env', /\bprocess\.env\b/, 'take the setting as an argument'],
    ['timers', /\bset(Timeout|Interval|Immediate)\(/, 'a worker outside decides when'],
    ['the network', /\bfetch\(/, 'take the answer as an argument'],
  ])('do not use %s', (rule, pattern, instead) => {
    const judged = (path: string): boolean => isPure(path) && !excused.has(`${path}: ${rule}`);
    expect(lines(pattern, judged), instead).toEqual([]);
    const needed = lines(pattern, isPure).map((line) => `${line.split(':')[0]}: ${rule}`);
    expect([...excused.keys()].filter((key) => key.endsWith(`: ${rule}`) && !needed.includes(key))).toEqual([]);
  });
});

describe('the environment', () => {
  it('is read in one file; the scripts of the repository, which run before it can be loaded, are excused', () => {
    const judged = (path: string): boolean =>
      /^src\/(?!setup\/|core\/environment\/|app\/cli\/testing\/)/.test(path) && isCode(path) && !isTest(path);
    expect(lines(/\bprocess\.env\b/, judged), 'readEnvironment of src/core/environment').toEqual([]);
  });
});

describe('a transaction', () => {
  /** A snapshot has a connection of its own, and a test of the store reads while another job writes: nothing waits for either. */
  const mayWait = /^src\/(books\/ledger\/check|store\/store\.test|store\/postgres\/postgresStore\.postgres\.test)\.ts:/;

  it('awaits nothing but itself', () => {
    const found = [...texts].flatMap(([path, text]) => (isTypeScript(path) ? foreignAwaits(path, text) : []));
    const wrong = found.filter((line) => !mayWait.test(line));
    expect(wrong, 'read before it or write after it; a function that it awaits takes its tx').toEqual([]);
    expect(wrong.length).toBeLessThan(found.length);
  });
});

describe('tracked files', () => {
  it('name no package registry', () => {
    const hosts = [
      'registry\\.npmjs',
      'registry\\.yarnpkg',
      'npmmirror',
      'proxy\\.golang',
      'sum\\.golang',
      'verdaccio',
      'artifactory',
    ];
    const pattern = new RegExp(hosts.join('|'), 'i');
    expect(lines(pattern, (path) => path !== 'test/tidy.test.ts')).toEqual([]);
  });

  it('name no path of a machine', () => {
    expect(lines(/(?<![\w.])\/(?:work|root|tmp|home\/\w+|Users\/\w+)\/[a-zA-Z]/, () => true)).toEqual([]);
  });

  it('hold no secret key but those that everybody knows', () => {
    expect(lines(/-----BEGIN [A-Z ]*PRIVATE KEY-----|\bsk_live_\w+|\bghp_\w{20,}/, () => true)).toEqual([]);
  });

  it('stand in folders whose name says what is in them', () => {
    const empty = /(^|\/)(utils?|helpers?|common|misc|shared|managers?)(\/|\.tsx?$)/i;
    expect(tracked.filter((path) => empty.test(path))).toEqual([]);
  });

  it('are no built or downloaded things', () => {
    const built =
      /(^|\/)(node_modules|dist|coverage|\.cache)\/|\.(wasm|db|sqlite|log|tgz|exe)$|(^|\/)(opa|forge|anvil)$/;
    expect(tracked.filter((path) => built.test(path))).toEqual([]);
  });
});

describe('the lock file', () => {
  it('names no host, and an integrity for every package', () => {
    const lock: { packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }> } = JSON.parse(
      texts.get('package-lock.json') ?? '{}',
    );
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
    expect(packages.filter(([, entry]) => !entry.integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
  });
});

describe('words', () => {
  it('are the terms of the field: docs/glossary.md has the right ones', () => {
    const words = /\b(offices?|houses?|rooms?|doors?|strangers?|whoever|anew|lanes?|stor(?:y|ies)|at hand)\b/i;
    const judged = (path: string): boolean =>
      (/^(src|test|bench|contracts|policies)\//.test(path) || path.endsWith('.md')) &&
      !isGenerated(path) &&
      path !== 'test/tidy.test.ts';
    expect(lines(words, judged)).toEqual([]);
  });
});

describe('code', () => {
  const LINES_MAX = 300;
  /** May only shrink. Tables of data are long because there is much of it. */
  const longer = new Map<string, { lines: number; why: string }>();
  const length = (path: string): number => (texts.get(path) ?? '').trimEnd().split('\n').length;

  it(`keeps its files within ${LINES_MAX} lines: above that, ask which noun is missing`, () => {
    const long = tracked
      .filter((path) => isCode(path) && length(path) > (longer.get(path)?.lines ?? LINES_MAX))
      .map((path) => `${path}: ${length(path)}`);
    expect(long).toEqual([]);
  });

  it('lists no long file that is gone', () => {
    for (const path of longer.keys()) expect(texts.has(path), path).toBe(true);
  });

  it.each([
    ['any', /\bas any\b|:\s*any\b(?!\()|<any>|\bany\[\]|Record<\w+, any>/, 'unknown, and parse it'],
    ['a double cast', /\bas unknown as\b/, 'a type guard or a schema'],
    ['a non-null assertion on a call', /\)!\./, 'invariant(), or handle the absence'],
  ])('does not escape the type checker by %s', (_, pattern, instead) => {
    expect(
      lines(pattern, (path) => isTypeScript(path) && path !== 'test/tidy.test.ts'),
      instead,
    ).toEqual([]);
  });

  it('does not silence the type checker, save where a type test expects an error', () => {
    const expected = (path: string): boolean => path.endsWith('.test-d.ts');
    expect(
      lines(
        /@ts-(ignore|expect-error|nocheck)\b/,
        (path) => isTypeScript(path) && !expected(path) && path !== 'test/tidy.test.ts',
      ),
    ).toEqual([]);
  });

  it('leaves no note to self', () => {
    expect(lines(/\b(TODO|FIXME|XXX|HACK)\b/, (path) => isCode(path) && path !== 'test/tidy.test.ts')).toEqual([]);
  });

  it('makes transfers only where a reservation stands behind them', () => {
    const maker = /\bapprovedTransferFromReservation\b/;
    const mayCall =
      /^src\/(decide\/payments|chain\/settlement)\/|^src\/chain\/contracts\/approvedTransfer\.ts$|^src\/spend\/x402\/signer\.ts$/;
    expect(lines(maker, (path) => path.startsWith('src/') && !isTest(path) && !mayCall.test(path))).toEqual([]);
  });
});

describe('SQL', () => {
  /** At the start of a string, or of a line of one. */
  const text = [
    /SELECT [\w"'(*]/,
    /INSERT (OR \w+ )?INTO /,
    /UPDATE "?\w+"? SET /,
    /DELETE FROM /,
    /WITH (RECURSIVE )?\w+ AS /,
    /PRAGMA \w/,
    /(CREATE|DROP|ALTER) (UNIQUE )?(TABLE|INDEX|TRIGGER|VIEW)\b/,
    /(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|VACUUM)\b/,
    /(FROM|JOIN|LEFT JOIN) \w+( \w+)? /,
    /(WHERE|AND|OR) \w+(\.\w+)? (=|<|>|IS|IN|NOT|LIKE)/,
    /(ORDER|GROUP) BY \w/,
  ].map((pattern) => new RegExp(/(^\s*|[`'"]\s*)/.source + pattern.source));
  /** Text as well, whatever Kysely makes of it. */
  const template = /\bsql(<[^>]*>)?`|\bsql\.(raw|ref|lit|table|join|val|id)\(/;
  /** Text by purpose: its cost is what typed statements are compared with, or it administers a PostgreSQL that tests start. */
  const excused = new Set([
    'bench/postgres.ts',
    'bench/postgresRows.ts',
    'bench/rawRows.ts',
    'bench/statements.ts',
    'test/chaos/postgresPair.ts',
    'test/tidy.test.ts',
  ]);
  const isJudged = (path: string): boolean =>
    isTypeScript(path) && !path.startsWith('src/store/') && !excused.has(path);
  it('stands in src/store only: elsewhere declare a statement (src/store/statement.ts)', () => {
    expect([...text, template].flatMap((pattern) => lines(pattern, isJudged))).toEqual([]);
  });

  it('is run outside src/store by the test of all statements only', () => {
    const runner = /from '[./]*\/store\/text\.ts'/;
    expect(lines(runner, (path) => isJudged(path) && path !== 'test/statements.test.ts')).toEqual([]);
  });
});

describe('dependencies', () => {
  it('with a known advisory are used only where it cannot reach (SECURITY.md)', () => {
    const extension = /from '@x402\/extensions(?!\/payment-identifier')|\(['"]@x402\/extensions/;
    expect(lines(extension, (path) => isTypeScript(path) && path !== 'test/tidy.test.ts')).toEqual([]);
    const loaded = ['hono', 'express', 'core', 'evm', 'fetch'].flatMap((name) => {
      const folder = join(root, 'node_modules/@x402', name, 'dist');
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => /\.[mc]?js$/.test(path))
        .filter((path) => /(from|require\()\s*['"]@x402\/extensions/.test(readFileSync(join(folder, path), 'utf8')))
        .map((path) => `${name}/${path}`);
    });
    expect(loaded).toEqual([]);
  });
});

describe('tests', () => {
  it('are all run: none is skipped, focused or left for later', () => {
    const idle =
      /\b(it|test|describe|suite|bench)(\.\w+)*\.(skip|only|todo|skipIf|runIf|fails)\b|\bvm\.skip\(|^\s*todo_test_/;
    expect(lines(idle, (path) => isTest(path) && path !== 'test/tidy.test.ts')).toEqual([]);
  });

  it('run the real part: no module is mocked', () => {
    expect(lines(/\bvi\.(mock|doMock|stubGlobal)\(/, (path) => isTest(path) && path !== 'test/tidy.test.ts')).toEqual(
      [],
    );
  });
});

describe('pages', () => {
  const pages = tracked.filter((path) => path.endsWith('.md'));
  it('name npm scripts that exist', () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(texts.get('package.json') ?? '{}');
    const unknown = pages.flatMap((page) =>
      [...(texts.get(page) ?? '').matchAll(/\bnpm run (?:-s |--silent )?([a-z][\w:-]*)/g)]
        .map((match) => match[1] ?? '')
        .filter((script) => scripts[script] === undefined)
        .map((script) => `${page}: npm run ${script}`),
    );
    expect(unknown).toEqual([]);
  });
});
