import { createPublicClient, getAddress, http, type PublicClient } from 'viem';
import type { InclusionDocument, Wanted } from '../../books/transparency/proof.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { ReadTx } from '../../store/store.ts';
import { verifyInclusion } from '../anchors/verifyInclusion.ts';
import { agentWalletFactoryAbi } from '../contracts/contracts.generated.ts';
import { factoryAddress } from '../contracts/factoryAddress.ts';
import { compared, type Finding, finding } from './finding.ts';
import { viewOf } from './node.ts';
import type { Trusted } from './organisation.ts';
import { eventsCarrying } from './queries.ts';
import type { Receipt } from './receipt.ts';

/** The source of proofs: the event log. */
type Prover = { prove(wanted: Wanted): Promise<InclusionDocument> };

/** The numbers of the events with a payment's decisions, in order; null if one is missing. */
export async function decisionEvents(tx: ReadTx, { payment, decisions }: Receipt): Promise<number[] | null> {
  const rows = await tx.all(eventsCarrying, { payment: payment.id });
  const carried = rows.map(({ seq, body }) => ({ seq: Number(seq), hash: decisionHashIn(JSON.parse(body)) }));
  const found = decisions.map(({ hash }) => carried.find((each) => each.hash === hash)?.seq);
  return found.every((seq) => seq !== undefined) ? found : null;
}

/** Adds the proof that the decisions are in the anchored log; returns the receipt unchanged while no anchor covers them. */
export async function withInclusion(receipt: Receipt, events: number[] | null, log: Prover | null): Promise<Receipt> {
  if (log === null || events === null) return receipt;
  try {
    const inclusion = await log.prove({ events });
    return inclusion.anchor === null ? receipt : { ...receipt, inclusion };
  } catch (error) {
    if (error instanceof BursarError && error.code === 'conflict') return receipt;
    throw error;
  }
}

/** Checks the proof against the registry that the wallet obeys: exactly one event for each decision. */
export async function checkInclusion(
  receipt: Receipt,
  client: PublicClient,
  registry: `0x${string}` | null,
): Promise<Finding[]> {
  const { inclusion, payment, decisions } = receipt;
  if (inclusion === null) return [];
  if (registry === null) return [finding('log', false, 'no registry of the organisation was found', ['inclusion'])];
  const verdict = await verifyInclusion(inclusion, { client, registry });
  const findings = verdict.findings.map(({ check, ok, detail }) => finding(`log: ${check}`, ok, detail, ['inclusion']));
  if (!verdict.ok) return findings;
  const { anchored, events } = verdict;
  const count = Math.max(events.length, decisions.length);
  return [
    ...findings,
    compared('log: place', 'the head is on the chain where the receipt says', 'the chain says', [
      ['inclusion.anchor.block_number', inclusion.anchor?.block_number, anchored?.block.toString()],
      ['inclusion.anchor.by', inclusion.anchor?.by, anchored && getAddress(anchored.by)],
      ['inclusion.log.registry', inclusion.log.registry, registry],
    ]),
    compared(
      'log: decisions',
      `its ${count} events are those of the decisions`,
      'the receipt says',
      Array.from({ length: count }, (_, at) => at).flatMap((at) => [
        [`inclusion.entries.${at}: payment`, events[at]?.body.payment, payment.id] as const,
        [`inclusion.entries.${at}: agent`, events[at]?.body.agent, payment.agent] as const,
        [`inclusion.entries.${at}: decision`, decisionHashIn(events[at]?.body), decisions[at]?.hash] as const,
      ]),
    ),
  ];
}

/** For a proof file alone, the registry is that of the named organisation's genuine factory. */
export async function verifyLogProof(proof: unknown, rpcUrl: string, trusted: Trusted) {
  const client = createPublicClient({ transport: http(rpcUrl) });
  const factory = trusted.factory ?? (trusted.organisation && factoryAddress(trusted.organisation));
  const abi = agentWalletFactoryAbi;
  const registry = factory ? await viewOf(client, { address: factory, abi, functionName: 'registry' }) : null;
  if (factory && registry === null) {
    return { ok: false, findings: [finding('factory', false, `${factory} is no factory of an organisation`)] };
  }
  return verifyInclusion(proof, { client, registry });
}

function decisionHashIn(body: unknown): unknown {
  const { data } = (body ?? {}) as { data?: { decision_hash?: unknown } };
  return data?.decision_hash;
}
