import { MeterDeclarations } from '../../books/meters/declarations.ts';
import { BursarError } from '../../core/errors/base.ts';
import { type Bundle, readBundle } from './bundle.ts';
import { settingProblem } from './controlSettings.ts';
import { failedDecision, type PolicyFailure, readDecision, resultTextOf } from './decision.ts';
import type { RouteInput } from './input.ts';
import type { Policy, PolicyAnswer, PolicySettings, Route } from './policy.ts';
import { probe } from './probe.ts';
import { probeInput } from './probeInput.ts';
import { readRoute } from './route.ts';
import { readSettings } from './settings.ts';
import { threadCpuMs } from './threadTime.ts';
import { valueIn, WasmPolicy } from './wasm.ts';

export const DECISION_ENTRYPOINT = 'bursar/decision';
export const METERS_ENTRYPOINT = 'bursar/meters';
export const ROUTE_ENTRYPOINT = 'bursar/route';

/** The CPU time limit of one decision. The starter policy answers in 20 us. */
const EVALUATION_LIMIT_MS = 50;
/** No pause of the garbage collector lasts this many times the limit: then one measurement is enough. */
const CLEARLY_OVER = 4;

export type LoadOptions = {
  /** CPU time: a decision that takes more, twice in a row, is a deny. Time in which the process did not run does not count. */
  evaluationLimitMs?: number;
  /** For the first run in a worker. */
  probeLimitMs?: number;
};

/**
 * Verifies a bundle before it may decide: digest, no host functions (they would not be deterministic), meters, and one decision
 * within the time limit. Throws `policy_corrupt`, `policy_invalid` or `policy_too_slow`.
 */
export async function loadPolicy(bundleText: string, options: LoadOptions = {}): Promise<Policy> {
  const { bundle, digest } = readBundle(bundleText);
  checkSettings(bundle);
  const wasmBytes = Uint8Array.from(Buffer.from(bundle.wasm, 'base64'));
  const wasm = await WasmPolicy.compile(wasmBytes, bundle.data);
  const settings = readSettings(bundle.data);

  const first = await probe(wasmBytes, bundle.data, probeInput({}, settings.timezone), options.probeLimitMs);
  if (first.hostBuiltins.length > 0) {
    throw invalid(
      `The policy calls functions that the runtime does not have natively: ${first.hostBuiltins.join(', ')}.`,
    );
  }
  const declared = MeterDeclarations.safeParse(first.meters);
  if (!declared.success) throw invalid('data.bursar.meters is not a declaration of meters.', declared.error);

  const reads = {
    amount: rulesThatRead(bundle, /input\.payment\.amount/),
    time: rulesThatRead(bundle, /input\.(time|meters)/),
    clock: rulesThatRead(bundle, /input\.time/),
  };
  const routes = bundle.manifest.entrypoints.includes(ROUTE_ENTRYPOINT);
  const { review } = bundle.data as { review?: { sponsor_may_approve?: unknown } };
  const facts = { digest, meters: declared.data, settings, reads };
  const policy = new WasmBackedPolicy(
    { ...facts, sponsorMayApprove: review?.sponsor_may_approve === true },
    wasm,
    routes,
    options.evaluationLimitMs,
  );
  const tried = policy.try(JSON.stringify(probeInput(declared.data, settings.timezone)));
  if ('failed' in tried) {
    throw tried.failed === 'policy_timeout'
      ? new BursarError('policy_too_slow', { message: 'The policy took too long for one decision.' })
      : invalid(`data.bursar.decision is of no use (${tried.failed}): ${tried.why}`);
  }
  return policy;
}

/** Repeats the compiler's check: a bundle may come from anywhere, and a missing setting may be a missing limit. */
function checkSettings({ files, data }: Bundle): void {
  const { amounts: _, ...settings } = data;
  try {
    const problem = settingProblem(files, settings);
    if (problem) throw invalid(`${problem.path.join('.')}: ${problem.message}`);
  } catch (error) {
    if (error instanceof BursarError && error.code === 'policy_compile_failed') throw invalid(error.message, error);
    throw error;
  }
}

/** Judged by the sources: a control is one file. It only saves searches for hints; no decision depends on it. */
function rulesThatRead(bundle: Bundle, field: RegExp): Set<string> {
  const controls = Object.entries(bundle.files).filter(
    ([path, text]) => path.startsWith('controls/') && field.test(text),
  );
  return new Set(controls.map(([path]) => path.split('/')[1] ?? ''));
}

type Failed = { failed: PolicyFailure; why: string };

class WasmBackedPolicy implements Policy {
  readonly digest: string;
  readonly meters: MeterDeclarations;
  readonly settings: PolicySettings;
  readonly sponsorMayApprove: boolean;
  readonly reads: Policy['reads'];
  readonly #wasm: WasmPolicy;
  readonly #routes: boolean;
  readonly #limitMs: number;
  readonly #read = answersByText();

  constructor(
    facts: Omit<Policy, 'evaluate' | 'route'>,
    wasm: WasmPolicy,
    routes: boolean,
    limitMs: number = EVALUATION_LIMIT_MS,
  ) {
    this.digest = facts.digest;
    this.meters = facts.meters;
    this.settings = facts.settings;
    this.sponsorMayApprove = facts.sponsorMayApprove;
    this.reads = facts.reads;
    this.#wasm = wasm;
    this.#routes = routes;
    this.#limitMs = limitMs;
  }

  evaluate(inputText: string): PolicyAnswer {
    const tried = this.try(inputText);
    if (!('failed' in tried)) return tried;
    const decision = failedDecision(tried.failed);
    return { decision, resultText: resultTextOf(decision), failure: tried.why };
  }

  route(input: RouteInput): Route | { failed: string } {
    if (!this.#routes) return { legs: [], keptMicro: BigInt(input.receivable.amount - input.receivable.refunded) };
    let raw: unknown;
    try {
      raw = this.#wasm.evaluate(ROUTE_ENTRYPOINT, JSON.stringify(input));
    } catch (error) {
      return { failed: error instanceof Error ? error.message : String(error) };
    }
    if (raw === undefined) return { failed: 'data.bursar.route is undefined: the revenue rule is not well formed.' };
    return (
      readRoute(raw, input) ?? { failed: `data.bursar.route does not add up: ${JSON.stringify(raw).slice(0, 200)}` }
    );
  }

  /** A decision, or how the policy failed. */
  try(inputText: string): PolicyAnswer | Failed {
    let why = '';
    // The wall clock is cheap to read. Only if it exceeds the limit, the CPU time of a second and a third run is measured: time
    // given to other processes, or one pause of the garbage collector, is not the policy's fault.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const isMeasured = attempt > 0;
      const startedAt = isMeasured ? threadCpuMs() : performance.now();
      let answer: PolicyAnswer | Failed;
      try {
        answer = this.#wasm.evaluate(DECISION_ENTRYPOINT, inputText, this.#read);
      } catch (error) {
        return { failed: 'policy_error', why: error instanceof Error ? error.message : String(error) };
      }
      const tookMs = (isMeasured ? threadCpuMs() : performance.now()) - startedAt;
      if (tookMs > this.#limitMs) {
        why = `It took ${Math.round(tookMs)} ms of CPU time; the limit is ${this.#limitMs} ms.`;
        if (isMeasured && tookMs > this.#limitMs * CLEARLY_OVER) break;
        continue;
      }
      return answer;
    }
    return { failed: 'policy_timeout', why };
  }
}

/** The result, or the reason why the result set has none. */
function readAnswer(resultSet: string): PolicyAnswer | Failed {
  const raw = valueIn(resultSet);
  if (raw === undefined) return { failed: 'policy_undefined', why: 'data.bursar.decision is undefined.' };
  const decision = readDecision(raw);
  if (!decision) return { failed: 'policy_malformed', why: `It gave ${JSON.stringify(raw).slice(0, 200)}.` };
  return { decision, resultText: resultTextOf(decision) };
}

const KNOWN_MAX = 1_000;
const KNOWN_CHARACTERS_MAX = 4_096;

/**
 * Reads result sets, and caches them by their text: most payments of an organisation get one of a few answers, and reading one
 * costs a tenth of an evaluation. The cache is bounded and its values are frozen, since payments share them.
 */
function answersByText(): (resultSet: string) => PolicyAnswer | Failed {
  const known = new Map<string, PolicyAnswer>();
  return (resultSet) => {
    const before = known.get(resultSet);
    if (before) return before;
    const answer = readAnswer(resultSet);
    if ('failed' in answer || resultSet.length > KNOWN_CHARACTERS_MAX) return answer;
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(resultSet, frozen(answer));
    return answer;
  };
}

/** Freezes the value and everything in it. */
function frozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) frozen(inner);
  return Object.freeze(value);
}

function invalid(message: string, cause?: unknown): BursarError {
  return new BursarError('policy_invalid', { message, cause });
}
