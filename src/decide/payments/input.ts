import { zonedTime } from '../../books/meters/calendar.ts';
import type { Agent, Payee } from '../identity/identity.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { PaymentRequest } from './request.ts';
import type { Facts } from './resolve.ts';
import type { History } from './workingSet.ts';

/** What the policy's input holds beside facts, in the order of its keys. */
export type InputParts = {
  atMs: number;
  timezone: string;
  request: PaymentRequest;
  facts: Facts;
  history: { payee: History | null; address: History | null; hostLastAddress: string | null };
  funds: PolicyInput['funds'];
  previous: string | null;
  approvals: PolicyInput['approvals'];
  mandate: PolicyInput['mandate'];
  meters: PolicyInput['meters'];
};

/**
 * The text of the policy's input document (`PolicyInput`). Key order is fixed: the same facts give the same text, and so the same hash.
 * Texts of what does not change from request to request are made once.
 */
export function inputText(parts: InputParts): string {
  const { request, facts, history, funds, previous, approvals, mandate } = parts;
  const { agent, sponsor, workflow, payee, address, held, owners } = facts;
  const who = `"agent":${textOf(agent, agentText)},"sponsor":${textOf(sponsor, statusText)}`;
  const run = request.workflow?.run ?? null;
  const job = workflow === null ? 'null' : `${textOf(workflow, statusText).slice(0, -1)},"run":${text(run)}}`;
  const known = held !== null && held.retiredAtMs === null;
  const destination = `{"address":"${address}","known":${known},"first_seen_at":${held?.firstSeenAtMs ?? null},"verified_at":${held?.verifiedAtMs ?? null},"changed_at":${held?.changedAtMs ?? null},"retired":${held !== null && held.retiredAtMs !== null},"payee_count":${owners}}`;
  const payment = `{"kind":"${request.kind}","amount":${request.amount},"asset":"USDC","network":"${facts.subject.network}","rail":"${request.rail}","category":${text(facts.category)},"host":${text(request.host)},"recurring":${request.kind === 'recurring'},"refund_of":${text(request.refundOf)},"x402":${request.x402 === null ? 'null' : JSON.stringify(request.x402)}}`;
  const settled = `{"payee":${historyText(history.payee)},"address":${historyText(history.address)},"host_last_address":${text(history.hostLastAddress)}}`;
  const money = `{"available":${funds.available},"earned":${funds.earned},"passed_on":${funds.passed_on}}`;
  const people = `"previous":${text(previous)},"approvals":${approvals.length === 0 ? '[]' : JSON.stringify(approvals)},"mandate":${mandate === null ? 'null' : JSON.stringify(mandate)}`;
  return `{"time":${timeText(parts.atMs, parts.timezone)},${who},"workflow":${job},"payee":${payee === null ? 'null' : textOf(payee, payeeText)},"destination":${destination},"payment":${payment},"history":${settled},"funds":${money},${people},"meters":${metersText(parts.meters)}}`;
}

const text = (value: string | null): string => (value === null ? 'null' : JSON.stringify(value));

/** Texts by the object that they describe: facts are not changed, only replaced. */
const texts = new WeakMap<object, string>();

function textOf<T extends object>(fact: T, make: (fact: T) => string): string {
  let known = texts.get(fact);
  if (known === undefined) {
    known = make(fact);
    texts.set(fact, known);
  }
  return known;
}

const statusText = ({ id, name, status }: { id: string; name: string; status: string }): string =>
  JSON.stringify({ id, name, status });
const agentText = ({ id, name, status, labels, wallet }: Agent): string =>
  JSON.stringify({ id, name, status, labels, wallet: wallet?.address });
const payeeText = ({ id, name, kind, status, categories, hosts, firstSeenAtMs }: Payee): string =>
  JSON.stringify({ id, name, kind, status, categories, hosts, first_seen_at: firstSeenAtMs });

const NO_HISTORY = '{"settled_count":0,"last_amount":null,"max_amount":null,"last_at":null}';
const historyText = (history: History | null): string =>
  history === null
    ? NO_HISTORY
    : `{"settled_count":${history.settled_count},"last_amount":${history.last_amount},"max_amount":${history.max_amount},"last_at":${history.last_at}}`;

function metersText(meters: PolicyInput['meters']): string {
  let all = '';
  for (const name in meters) {
    const { total, count, last_at } = meters[name] as PolicyInput['meters'][string];
    all += `${all === '' ? '{' : ','}"${name}":{"total":${total},"count":${count},"last_at":${last_at}}`;
  }
  return all === '' ? '{}' : `${all}}`;
}

/** The wall clock of the last minute that was asked for: only the milliseconds differ within it. */
let minute = { at: -1, zone: '', rest: '' };

function timeText(atMs: number, zone: string): string {
  const at = Math.floor(atMs / 60_000);
  if (minute.at !== at || minute.zone !== zone) {
    const { ms: _, ...rest } = zonedTime(atMs, zone);
    minute = { at, zone, rest: JSON.stringify(rest).slice(1) };
  }
  return `{"ms":${atMs},${minute.rest}`;
}
