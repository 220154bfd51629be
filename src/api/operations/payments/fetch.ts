import { z } from 'zod';
import { appendEvent } from '../../../books/ledger/events.ts';
import { BursarError } from '../../../core/errors/base.ts';
import { sha256 } from '../../../core/ids/digest.ts';
import type { GuardedAnswer, GuardedRequest } from '../../../core/net/guardedRequest.ts';
import { isMetadataHost } from '../../../core/net/publicAddress.ts';
import { Host } from '../../../core/schemas/schemas.ts';
import type { Caller } from '../../../decide/identity/caller.ts';
import type { Presented } from '../../../spend/x402/fetcher.ts';
import { listedHosts, listHosts } from '../../../spend/x402/fetcher.ts';
import type { FetchedAnswer } from '../../../spend/x402/guardedFetch.ts';
import { noteReport } from '../../../spend/x402/report.ts';
import { actOf } from '../act.ts';
import type { App } from '../app.ts';
import { nextStep } from '../nextStep.ts';
import { operation, type RequestMeta } from '../operation.ts';
import { FetchedView, fetchedView } from './fetchedView.ts';
import { FetchInput, guardedRequestOf } from './fetchInput.ts';
import { actingAgent } from './paymentRequest.ts';
import { HintsView, PaymentView, readPaymentView } from './paymentView.ts';
import { type Purchased, purchase } from './purchase.ts';
import { purchaseErrors, WAIT_SECONDS } from './purchaseInput.ts';

const outcomes = ['free', 'paid', 'unserved', 'refused', 'in_review', 'pending', 'not_payable'] as const;

export const FetchAnswer = z
  .object({
    outcome: z
      .enum(outcomes)
      .describe(
        'free: no payment was asked. paid: paid and served. unserved: the authorization was handed over and not honoured. refused, in_review, pending: nothing was handed over. not_payable: a 402 that Bursar does not pay',
      ),
    next: z.string().describe('What to do next'),
    payment: PaymentView.nullable(),
    hints: HintsView.nullable(),
    response: FetchedView.nullable().describe('Data from the other side, marked untrusted'),
  })
  .meta({ id: 'FetchAnswer' });
export type FetchAnswer = z.input<typeof FetchAnswer>;

/**
 * Fetches for an agent without code of its own, and pays if a 402 asks for it and the gate allows it. Every interface that does the
 * HTTP itself uses it. Throws `fetch_refused`, `fetch_failed`, and the errors of `purchase`.
 */
export async function fetchPaid(app: App, caller: Caller, input: FetchInput, meta: RequestMeta): Promise<FetchAnswer> {
  const agentId = await actingAgent(app, caller, input.agent);
  const request = guardedRequestOf(input);
  const asked = await app.fetcher.fetch(agentId, input.url, request, input.max_bytes);
  const offer = asked.headers['payment-required'];
  const without = unpaid(asked, offer);
  if (without || typeof offer !== 'string') return without ?? notPayable(asked, 'The offer is not readable.');

  const { agent: _agent, max_bytes, headers: _headers, body, ...requested } = input;
  const purchased = await purchase(app, caller, {
    ...requested,
    agentId,
    bodySha256: body === undefined ? null : sha256(body),
    paymentRequired: offer,
    maxAmount: input.max_amount,
    workflow: input.workflow,
    run: input.run,
    category: input.category,
    memo: input.memo,
    idempotencyKey: meta.idempotencyKey,
    waitMs: WAIT_SECONDS * 1000,
  });
  if (!purchased.signature) return held(app, purchased);
  return presented(app, caller, { url: input.url, request, maxBytes: max_bytes }, purchased);
}

/** An answer that asks for no money, or in an unsupported way; null if there is an offer. */
function unpaid(asked: FetchedAnswer, offer: unknown): FetchAnswer | null {
  if (asked.status !== 402) {
    const response = fetchedView(asked.url, asked);
    return { outcome: 'free', next: 'Nothing was paid. Use the response.', payment: null, hints: null, response };
  }
  // A host that the first one redirects to is not the one that the agent requested.
  if (asked.redirected) {
    return notPayable(
      asked,
      'The 402 came by a redirect and was not paid. If you trust that host, fetch its URL yourself.',
    );
  }
  return offer === undefined
    ? notPayable(asked, 'The 402 has no PAYMENT-REQUIRED header (x402 version 2), so there is nothing to pay.')
    : null;
}

function notPayable(asked: FetchedAnswer, next: string): FetchAnswer {
  return { outcome: 'not_payable', next, payment: null, hints: null, response: fetchedView(asked.url, asked) };
}

async function held(app: App, { payment, hints }: Purchased): Promise<FetchAnswer> {
  const waits = payment.state === 'authorized' || payment.state === 'submitted';
  const outcome = payment.state === 'in_review' ? 'in_review' : waits ? 'pending' : 'refused';
  const view = await readPaymentView(app.store, payment);
  return { outcome, next: nextStep(payment, false), payment: view, hints, response: null };
}

async function presented(
  app: App,
  caller: Caller,
  { url, request, maxBytes }: { url: URL; request: GuardedRequest; maxBytes: number },
  { payment, signature }: Purchased,
): Promise<FetchAnswer> {
  const run = async (): Promise<Presented> => {
    const headers = { ...request.headers, 'payment-signature': signature?.header ?? '' };
    const answer = await answerOf(() => app.fetcher.once(payment.agentId, url, { ...request, headers }, maxBytes));
    const response = answer?.headers['payment-response'];
    const report = {
      status: answer?.status ?? 0,
      paymentResponse: typeof response === 'string' ? response.slice(0, 8_192) : null,
    };
    const outcome = await app.store.write((tx) => noteReport(tx, payment, report, actOf(app, caller)));
    return { answer, outcome };
  };
  const { answer, outcome } = await app.fetcher.present(payment.id, run);
  const isServed = outcome === 'served';
  return {
    outcome: isServed ? 'paid' : 'unserved',
    next: isServed ? 'It is paid. Use the response.' : `${whatWentWrong[outcome]} ${AFTERWARDS}`,
    payment: await readPaymentView(app.store, payment),
    hints: null,
    response: answer && fetchedView(url, answer),
  };
}

/** Once the signature was sent, a missing answer is an outcome, not an error. */
async function answerOf(run: () => Promise<GuardedAnswer>): Promise<GuardedAnswer | null> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof BursarError && (error.code === 'fetch_failed' || error.code === 'fetch_refused')) return null;
    throw error;
  }
}

const AFTERWARDS =
  'The money is held until the chain shows whether the seller took it. Sending the same request again presents the same authorization; it is never paid twice.';
const whatWentWrong = {
  no_answer: 'The seller gave no answer to the paid request.',
  refused_after_payment: 'The seller asked for payment again, though it has the authorization.',
  settlement_pending: 'The seller says that the settlement is still on its way.',
  settlement_failed: 'The seller says that it could not settle.',
  redirected: 'The seller redirected the paid request; the signature was not sent there.',
  failed: 'The seller answered with an error.',
} as const;

export const fetchOperations = [
  operation({
    name: 'fetch_paid',
    summary:
      'Fetch a URL for an agent, and pay when it answers 402 and the policy allows it. The same request is paid once, however often it is sent.',
    method: 'POST',
    path: '/v1/fetch',
    scope: 'pay',
    cost: 'medium',
    input: FetchInput,
    output: FetchAnswer,
    errors: ['fetch_refused', 'fetch_failed', ...purchaseErrors],
    idempotent: true,
    derivesKey: true,
    handler: fetchPaid,
  }),
  operation({
    name: 'set_fetch_hosts',
    summary:
      'Set the private hosts that agents may fetch from, as "name" or "name:port". Replaces the list; public hosts need no entry.',
    method: 'POST',
    path: '/v1/fetch/hosts',
    scope: 'admin',
    cost: 'light',
    input: z.strictObject({ hosts: z.array(Host).max(200) }),
    output: z.object({ hosts: z.array(z.string()) }),
    errors: [],
    handler: (app, caller, { hosts }) => {
      const bad = hosts.find((host) => isMetadataHost(host.replace(/:\d+$/, '')));
      if (bad !== undefined) {
        throw new BursarError('invalid_request', {
          message: `${bad} is a metadata service: nothing is fetched there.`,
        });
      }
      return app.store.write(async (tx) => {
        await listHosts(tx, hosts);
        const act = actOf(app, caller);
        await appendEvent(tx, { type: 'fetch.hosts_changed', actor: act.actor, data: { hosts } }, act.atMs);
        return { hosts: await listedHosts(tx) };
      });
    },
  }),
  operation({
    name: 'list_fetch_hosts',
    summary: 'List the private hosts that agents may fetch from.',
    method: 'GET',
    path: '/v1/fetch/hosts',
    scope: 'read',
    cost: 'light',
    input: z.strictObject({}),
    output: z.object({ hosts: z.array(z.string()) }),
    errors: [],
    handler: async (app) => ({ hosts: await app.store.read(listedHosts) }),
  }),
];
