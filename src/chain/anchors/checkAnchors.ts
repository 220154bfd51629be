import type { Address } from 'viem';
import { anchorsOf } from '../../books/transparency/anchorRows.ts';
import { parseCheckpointFile, readCheckpointFile } from '../../books/transparency/checkpointFile.ts';
import { type FollowedLog, followLog } from '../../books/transparency/followLog.ts';
import { headEvents, listHeads } from '../../books/transparency/heads.ts';
import { NoteError, type NoteKey, openCheckpoint } from '../../books/transparency/note.ts';
import { BursarError } from '../../core/errors/base.ts';
import type { Store } from '../../store/store.ts';
import type { Chain } from '../node/chain.ts';
import { type AnchorHistory, readAnchorHistory } from './anchorLogs.ts';
import {
  type AnchorCheck,
  agreement,
  anchorClaims,
  type Claim,
  compared,
  ownerCheck,
  rest,
  sourceCheck,
} from './claims.ts';
import { countEvents } from './queries.ts';

export type AnchorCheckOptions = {
  store: Store;
  /** The log's name and key. */
  key: NoteKey;
  /** The file of checkpoints; null: none is kept. */
  file: string | null;
  /** Null: only the file is read. */
  chain: { chain: Chain; registry: Address; fromBlock: bigint; owner: Address | null; rpcHost: string } | null;
  pause: () => Promise<void>;
};

type Gathered = { claims: Claim[]; checks: AnchorCheck[] };

/** The number of heads in the database that are compared: more than a year of one an hour. */
const HEADS_MAX = 10_000;

/**
 * Compares the event log with every head outside the database: the file of checkpoints and the registry's anchors. The tree is
 * built from the events alone, so that a rewritten database cannot supply its own. Writes nothing.
 */
export async function checkAnchors(options: AnchorCheckOptions): Promise<AnchorCheck[]> {
  const file = fromFile(options);
  const chain = await fromChain(options);
  const database = await fromDatabase(options, file.claims);
  const claims = [...file.claims, ...chain.claims, ...database.claims];
  const log = await followLog(options.store, new Set(claims.map(({ size }) => size)), options.pause);
  return [
    ...file.checks,
    compared('anchor_file_heads', file.claims, log),
    ...chain.checks,
    compared('anchor_chain_heads', chain.claims, log),
    compared('anchor_database_heads', database.claims, log),
    ...database.checks,
    await numbering(options.store, log),
    agreement(claims),
    rest([...file.claims, ...chain.claims], log),
  ];
}

/** An event with a number out of order would be outside every tree. */
async function numbering(store: Store, log: FollowedLog): Promise<AnchorCheck> {
  const count = await store.read(async (tx) => Number((await tx.get(countEvents))?.n ?? 0n));
  const ok = count === log.size;
  const detail = ok
    ? `${count} events, numbered from 1 without a gap.`
    : `The log has ${count} events and only ${log.size} that are numbered from 1 without a gap.`;
  return { name: 'anchor_numbering', ok, detail };
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

/**
 * Heads that the database has as signed, in its own table and in the log, must be in the file, because they are written there
 * first.
 */
async function fromDatabase({ store, file }: AnchorCheckOptions, inFile: readonly Claim[]): Promise<Gathered> {
  const heads = (await store.read((tx) => listHeads(tx, HEADS_MAX))).map(({ size, root }) =>
    claimOf(size, root, 'the database'),
  );
  const told = (await store.read((tx) => headEvents(tx))).map(({ size, root }) => claimOf(size, root, 'an event'));
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
  const readFrom = { ...asked, chainId: chain.chainId };
  const checks: AnchorCheck[] = [sourceCheck(history, readFrom), ownerCheck(history, readFrom)];
  checks.push(await knownCheck(store, history, asked));
  return { claims: anchorClaims(history, chain.chainId), checks };
}

type Asked = NonNullable<AnchorCheckOptions['chain']>;

/** Anchors that this server saw become final must still exist. */
async function knownCheck(
  store: Store,
  history: AnchorHistory,
  { registry, fromBlock, rpcHost }: Asked,
): Promise<AnchorCheck> {
  const told = new Set(history.anchors.map(({ txHash, size, root }) => `${txHash} ${size} ${root}`));
  const final = (await store.read((tx) => anchorsOf(tx, { limit: HEADS_MAX }))).filter(
    (each) => each.state === 'final' && each.registry === registry && (each.block ?? 0n) >= fromBlock,
  );
  const gone = final.filter(({ txHash, size, root }) => !told.has(`${txHash} ${size} ${root}`));
  const detail =
    gone.length === 0
      ? `All ${final.length} anchors that this server made are on the chain.`
      : `The RPC at ${rpcHost} does not have the anchor of ${gone[0]?.size} events in transaction ${gone[0]?.txHash}, which was final${gone.length > 1 ? `, and ${gone.length - 1} more` : ''}.`;
  return { name: 'anchor_chain_complete', ok: gone.length === 0, detail };
}
