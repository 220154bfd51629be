import type { Address } from 'viem';
import { BursarError } from '../errors/base.ts';
import type { Store } from '../store/store.ts';
import type { Chain } from '../wallet/chain.ts';
import { type AnchorHistory, handOvers, readAnchorHistory } from './anchorLogs.ts';
import { anchorsOf } from './anchorRows.ts';
import { parseCheckpointFile, readCheckpointFile } from './checkpointFile.ts';
import { type FollowedLog, followLog } from './followLog.ts';
import { headEvents, listHeads } from './heads.ts';
import { NoteError, type NoteKey, openCheckpoint } from './note.ts';

export type AnchorCheck = { name: string; ok: boolean; detail: string };
export type AnchorCheckOptions = {
  store: Store;
  /** The log's name and key. */
  key: NoteKey;
  /** The file of checkpoints; null: none is kept. */
  file: string | null;
  /** Null: only the file is asked. */
  chain: { chain: Chain; registry: Address; fromBlock: bigint; owner: Address | null; rpcHost: string } | null;
  pause: () => Promise<void>;
};

/** A head from somewhere: the log must have had this root after that many events. */
type Claim = { size: number; root: string; where: string };
type Gathered = { claims: Claim[]; checks: AnchorCheck[] };

/** Heads in the database that are compared; more would be a year of one an hour. */
const HEADS_MAX = 10_000;

/**
 * Holds the event log against every head that was put outside of it: the file of checkpoints and the registry's anchors. The tree is
 * built from the events alone, so that a rewritten database cannot bring its own. Writes nothing.
 */
export async function checkAnchors(options: AnchorCheckOptions): Promise<AnchorCheck[]> {
  const file = fromFile(options);
  const chain = await fromChain(options);
  const database = fromDatabase(options, file.claims);
  const claims = [...file.claims, ...chain.claims, ...database.claims];
  const log = await followLog(options.store, new Set(claims.map(({ size }) => size)), options.pause);
  return [
    ...file.checks,
    compared('anchor_file_heads', file.claims, log),
    ...chain.checks,
    compared('anchor_chain_heads', chain.claims, log),
    compared('anchor_database_heads', database.claims, log),
    ...database.checks,
    numbering(options.store, log),
    agreement(claims),
    rest([...file.claims, ...chain.claims], log),
  ];
}

/** Every head is one that this log had; the first that is not says between which events it was changed. */
function compared(name: string, claims: readonly Claim[], log: FollowedLog): AnchorCheck {
  const sorted = [...claims].sort((a, b) => a.size - b.size);
  let good = 0;
  for (const { size, root, where } of sorted) {
    if (size > log.size) {
      const detail = `${where} is of ${size} events and the log has ${log.size}: ${size - log.size} or more were deleted, or this is another log.`;
      return { name, ok: false, detail };
    }
    if (log.roots.get(size) !== root) {
      const detail = `${where} is of ${size} events with the root ${root}, and the log has the root ${log.roots.get(size)} there: an event between ${good + 1} and ${size} was deleted, inserted or changed, or events were reordered.`;
      return { name, ok: false, detail };
    }
    good = size;
  }
  const detail =
    sorted.length === 0
      ? 'There are none.'
      : `${sorted.length} heads, of ${sorted[0]?.size} to ${good} events: nothing up to event ${good} was deleted, inserted or changed.`;
  return { name, ok: true, detail };
}

/** An event with a number of its own choosing would be outside of every tree. */
function numbering(store: Store, log: FollowedLog): AnchorCheck {
  const count = store.read((tx) => Number(tx.get<{ n: bigint }>('SELECT count(*) AS n FROM events')?.n ?? 0n));
  const ok = count === log.size;
  const detail = ok
    ? `${count} events, numbered from 1 without a gap.`
    : `The log has ${count} events and only ${log.size} that are numbered from 1 without a gap.`;
  return { name: 'anchor_numbering', ok, detail };
}

/** Two heads of one size have one root, wherever they stand. */
function agreement(claims: readonly Claim[]): AnchorCheck {
  const name = 'anchor_agreement';
  const bySize = new Map<number, Claim>();
  for (const claim of claims) {
    const other = bySize.get(claim.size);
    if (other && other.root !== claim.root) {
      const detail = `${other.where} and ${claim.where} are both of ${claim.size} events and have the roots ${other.root} and ${claim.root}: two logs were anchored as one.`;
      return { name, ok: false, detail };
    }
    bySize.set(claim.size, claim);
  }
  return { name, ok: true, detail: `${bySize.size} sizes, one root for each.` };
}

/** What no head outside the database covers. It is no fault, and is always said. */
function rest(outside: readonly Claim[], log: FollowedLog): AnchorCheck {
  const covered = outside.reduce((most, { size }) => (size <= log.size ? Math.max(most, size) : most), 0);
  const left = log.size - covered;
  const since = log.at.get(covered + 1) ?? log.firstAt;
  const detail =
    left === 0
      ? `All ${log.size} events are covered by a head outside the database.`
      : `${left} of ${log.size} events come after the last head outside the database${since ? `, since ${since}` : ''}: for them the database alone speaks.`;
  return { name: 'anchor_rest', ok: true, detail };
}

function fromFile({ file, key }: AnchorCheckOptions): Gathered {
  const name = 'anchor_file';
  const one = (ok: boolean, detail: string): Gathered => ({ claims: [], checks: [{ name, ok, detail }] });
  if (file === null) return one(true, 'Not checked: no file of checkpoints is kept.');
  let text: string | null;
  try {
    text = readCheckpointFile(file);
  } catch (error) {
    return one(false, error instanceof Error ? error.message : 'The file of checkpoints cannot be read.');
  }
  if (text === null) return one(true, `There is no file of checkpoints at ${file} yet.`);
  const { records, damaged } = parseCheckpointFile(text);
  const faults = damaged.map(({ line, reason }) => `line ${line}: ${reason}`);
  const claims: Claim[] = [];
  for (const { line, note } of records) {
    try {
      const head = openCheckpoint(note, key);
      const before = claims.at(-1);
      if (before && head.size <= before.size) {
        faults.push(`line ${line}: a head of ${head.size} events comes after one of ${before.size}`);
      }
      claims.push({ size: head.size, root: head.root.toString('hex'), where: `the head in line ${line} of ${file}` });
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      faults.push(`line ${line}: ${error.message}`);
    }
  }
  const detail = `${claims.length} heads in ${file}, signed by this log's key and in order.`;
  return {
    claims,
    checks: [{ name, ok: faults.length === 0, detail: faults.length === 0 ? detail : `${file}: ${faults.join('; ')}` }],
  };
}

/** What the database says was signed, in its own table and in the log: it must be in the file, since it was written there first. */
function fromDatabase({ store, file }: AnchorCheckOptions, inFile: readonly Claim[]): Gathered {
  const heads = store
    .read((tx) => listHeads(tx, HEADS_MAX))
    .map(({ size, root }) => claimOf(size, root, 'the database'));
  const told = store.read((tx) => headEvents(tx)).map(({ size, root }) => claimOf(size, root, 'an event'));
  const claims = [...heads, ...told];
  const keyOf = ({ size, root }: Claim): string => `${size} ${root}`;
  const known = new Set(inFile.map(keyOf));
  const missing = [...new Set(claims.map(({ size }) => size))].filter((size) =>
    claims.some((claim) => claim.size === size && !known.has(keyOf(claim))),
  );
  const name = 'anchor_file_complete';
  if (file === null) return { claims, checks: [] };
  const detail =
    missing.length === 0
      ? `The file has every head that was signed: ${known.size}.`
      : `${file} lacks the head of ${Math.max(...missing)} events, which was written to it${missing.length > 1 ? `, and ${missing.length - 1} more` : ''}: heads were taken out of the file, or it was replaced.`;
  return { claims, checks: [{ name, ok: missing.length === 0, detail }] };
}

const claimOf = (size: number, root: string, where: string): Claim => ({
  size,
  root,
  where: `the head of ${size} events in ${where}`,
});

async function fromChain({ chain: asked, store }: AnchorCheckOptions): Promise<Gathered> {
  const name = 'anchor_chain';
  if (asked === null) {
    return {
      claims: [],
      checks: [{ name, ok: true, detail: 'Not checked: there is no policy registry, or no chain was given.' }],
    };
  }
  const { chain, registry, fromBlock, rpcHost } = asked;
  let history: AnchorHistory;
  try {
    history = await readAnchorHistory(chain, registry, fromBlock);
  } catch (error) {
    const why = error instanceof BursarError ? error.message : 'its answer makes no sense';
    const detail = `The anchors in ${registry} could not be read from the RPC at ${rpcHost}: ${why}`;
    return { claims: [], checks: [{ name, ok: false, detail }] };
  }
  const checks: AnchorCheck[] = [sourceCheck(history, asked), ownerCheck(history, asked)];
  checks.push(knownCheck(store, history, asked));
  const claims = history.anchors.map(({ size, root, by, block }) => ({
    size,
    root,
    where: `the anchor by ${by} in block ${block} of chain ${chain.chainId}`,
  }));
  return { claims, checks };
}

type Asked = NonNullable<AnchorCheckOptions['chain']>;

function sourceCheck(history: AnchorHistory, { registry, rpcHost, chain }: Asked): AnchorCheck {
  const ok = history.contradictions.length === 0;
  const detail = ok
    ? `${history.anchors.length} anchors in ${registry} on chain ${chain.chainId} up to block ${history.block}; logs and state of the RPC at ${rpcHost} agree.`
    : `The RPC at ${rpcHost} contradicts itself: ${history.contradictions.join('; ')}. Ask another one.`;
  return { name: 'anchor_chain', ok, detail };
}

/** An owner may anchor and name anchorers: a registry that changed hands speaks for somebody else from then on. */
function ownerCheck(history: AnchorHistory, { owner }: Asked): AnchorCheck {
  const name = 'anchor_registry_owner';
  const changed = handOvers(history).map(({ from, to, block }) => `from ${from} to ${to} in block ${block}`);
  if (owner === null) {
    const ok = changed.length === 0;
    const detail = ok
      ? `${history.owner} has owned the registry from the start.`
      : `The registry changed hands ${changed.join(', ')}. If that was meant, set \`anchors.registry_owner\` to ${history.owner}.`;
    return { name, ok, detail };
  }
  const ok = owner === history.owner;
  const said = changed.length === 0 ? '' : ` It changed hands ${changed.join(', ')}.`;
  const detail = `${history.owner} owns the registry${ok ? ', as configured' : `, and ${owner} is configured`}.${said}`;
  return { name, ok, detail };
}

/** Anchors that this server saw become final must still be told of. */
function knownCheck(store: Store, history: AnchorHistory, { registry, fromBlock, rpcHost }: Asked): AnchorCheck {
  const told = new Set(history.anchors.map(({ txHash, size, root }) => `${txHash} ${size} ${root}`));
  const final = store
    .read((tx) => anchorsOf(tx, { limit: HEADS_MAX }))
    .filter((each) => each.state === 'final' && each.registry === registry && (each.block ?? 0n) >= fromBlock);
  const gone = final.filter(({ txHash, size, root }) => !told.has(`${txHash} ${size} ${root}`));
  const detail =
    gone.length === 0
      ? `All ${final.length} anchors that this server made are on the chain.`
      : `The RPC at ${rpcHost} does not have the anchor of ${gone[0]?.size} events in transaction ${gone[0]?.txHash}, which was final${gone.length > 1 ? `, and ${gone.length - 1} more` : ''}.`;
  return { name: 'anchor_chain_complete', ok: gone.length === 0, detail };
}
