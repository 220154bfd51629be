import { describe, expect, it } from 'vitest';
import { failure, forgeTally, opaCoverageTally, opaTally, sum, summary, vitestTally } from './tally.ts';

describe('tally', () => {
  it('counts vitest tests, and names the failed ones with their first message', () => {
    const report = {
      testResults: [
        {
          name: 'a.test.ts',
          status: 'failed',
          assertionResults: [
            { fullName: 'adds', status: 'passed' },
            { fullName: 'subtracts', status: 'failed', failureMessages: ['expected 1'] },
          ],
        },
      ],
    };
    expect(vitestTally(JSON.stringify(report))).toEqual({
      passed: 1,
      failed: 1,
      failures: ['a.test.ts: subtracts: expected 1'],
    });
  });

  it('counts a vitest file that does not import as a failure, though it has no failed test', () => {
    const report = {
      testResults: [{ name: 'b.test.ts', status: 'failed', message: 'no module', assertionResults: [] }],
    };
    expect(vitestTally(JSON.stringify(report))).toEqual({ passed: 0, failed: 1, failures: ['b.test.ts: no module'] });
  });

  it('counts a skipped vitest test as a failure', () => {
    const report = {
      testResults: [{ name: 'c.test.ts', status: 'passed', assertionResults: [{ fullName: 'x', status: 'pending' }] }],
    };
    expect(vitestTally(JSON.stringify(report)).failed).toBe(1);
  });

  it('counts forge tests over suites', () => {
    const report = {
      'test/A.t.sol:A': {
        test_results: { 'test_a()': { status: 'Success' }, 'test_b()': { status: 'Failure', reason: 'no' } },
      },
      'test/B.t.sol:B': { test_results: { 'test_c()': { status: 'Skipped' } } },
    };
    expect(forgeTally(JSON.stringify(report))).toEqual({
      passed: 1,
      failed: 2,
      failures: ['test/A.t.sol:A: test_b(): no', 'test/B.t.sol:B: test_c(): Skipped'],
    });
  });

  it('counts OPA tests: failed, skipped and erring ones are failures', () => {
    const report = [
      { package: 'data.a', name: 'test_ok' },
      { package: 'data.a', name: 'test_fail', fail: true },
      { package: 'data.a', name: 'todo_test', skip: true },
      { package: 'data.a', name: 'test_error', error: { code: 'eval_error' } },
    ];
    expect(opaTally(JSON.stringify(report))).toMatchObject({ passed: 1, failed: 3 });
  });

  it('counts full OPA coverage as one check, and names the lines that no test reaches', () => {
    const full = { coverage: 100, files: { 'lib/a.rego': {} } };
    expect(opaCoverageTally(JSON.stringify(full))).toMatchObject({ passed: 1, failed: 0 });
    const partial = {
      coverage: 99.9,
      files: { 'lib/a.rego': { not_covered: [{ start: { row: 7 }, end: { row: 8 } }] } },
    };
    expect(opaCoverageTally(JSON.stringify(partial))).toEqual({
      passed: 0,
      failed: 1,
      failures: ['every line of Rego is tested: lib/a.rego:7'],
    });
  });

  it('counts a run without tests as a failure', () => {
    expect(opaTally('[]').failed).toBe(1);
    expect(forgeTally('{}').failed).toBe(1);
    expect(vitestTally('{"testResults":[]}').failed).toBe(1);
  });

  it('refuses a report that is not JSON', () => {
    expect(() => forgeTally('Error: compiler run failed')).toThrow();
  });

  it('adds up into one plain line', () => {
    const total = sum([{ passed: 3, failed: 0, failures: [] }, failure('gone')]);
    expect(summary(total)).toBe('3 passed, 1 failed');
    expect(total.failures).toEqual(['gone']);
  });
});
