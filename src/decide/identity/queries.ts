import type { RowIn } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

type Status = RowIn<'agents'>['status'];

export const newSponsor = statement<{ id: string; name: string; treasury: string | null; at: number }>()((db, p) =>
  db
    .insertInto('sponsors')
    .values({ id: p.id, name: p.name, status: 'active', treasury_address: p.treasury, created_at: p.at }),
);
export const sponsorById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('sponsors').selectAll().where('id', '=', p.id),
);
export const sponsorByName = statement<{ name: string }>()((db, p) =>
  db.selectFrom('sponsors').selectAll().where('name', '=', p.name),
);
export const allSponsors = statement()((db) => db.selectFrom('sponsors').selectAll().orderBy('id'));
export const setStatusOfSponsor = statement<{ id: string; status: Status }>()((db, p) =>
  db.updateTable('sponsors').set({ status: p.status }).where('id', '=', p.id),
);

export const newWorkflow = statement<{ id: string; name: string; at: number }>()((db, p) =>
  db.insertInto('workflows').values({ id: p.id, name: p.name, status: 'active', created_at: p.at }),
);
export const workflowById = statement<{ id: string }>()((db, p) =>
  db.selectFrom('workflows').selectAll().where('id', '=', p.id),
);
export const workflowByName = statement<{ name: string }>()((db, p) =>
  db.selectFrom('workflows').selectAll().where('name', '=', p.name),
);
export const allWorkflows = statement()((db) => db.selectFrom('workflows').selectAll().orderBy('id'));
export const setStatusOfWorkflow = statement<{ id: string; status: Status }>()((db, p) =>
  db.updateTable('workflows').set({ status: p.status }).where('id', '=', p.id),
);

/** By kind of name: the row that already has a name. */
export const namedRow = {
  sponsors: statement<{ name: string }>()((db, p) => db.selectFrom('sponsors').select('id').where('name', '=', p.name)),
  agents: statement<{ name: string }>()((db, p) => db.selectFrom('agents').select('id').where('name', '=', p.name)),
  workflows: statement<{ name: string }>()((db, p) =>
    db.selectFrom('workflows').select('id').where('name', '=', p.name),
  ),
  payees: statement<{ name: string }>()((db, p) => db.selectFrom('payees').select('id').where('name', '=', p.name)),
  approvers: statement<{ name: string }>()((db, p) =>
    db.selectFrom('approvers').select('id').where('name', '=', p.name),
  ),
} as const;
export const newSkeleton = statement<{ kind: string; skeleton: string; id: string; name: string }>()((db, p) =>
  db.insertInto('name_skeletons').values({ kind: p.kind, skeleton: p.skeleton, id: p.id, name: p.name }),
);
export const nameWithSkeleton = statement<{ kind: string; skeleton: string }>()((db, p) =>
  db
    .selectFrom('name_skeletons')
    .select(['id', 'name'])
    .where('kind', '=', p.kind)
    .where('skeleton', '=', p.skeleton)
    .orderBy('id')
    .limit(1),
);

export const newAgent = statement<{ id: string; name: string; sponsor: string; labels: string; at: number }>()(
  (db, p) =>
    db.insertInto('agents').values({
      id: p.id,
      name: p.name,
      sponsor_id: p.sponsor,
      status: 'active',
      labels_json: p.labels,
      created_at: p.at,
    }),
);
export const newWallet = statement<{
  agent: string;
  chain: number;
  address: string;
  purse: string;
  salt: string;
  config: string;
  ceilings: string;
}>()((db, p) =>
  db.insertInto('wallets').values({
    agent_id: p.agent,
    chain_id: p.chain,
    address: p.address,
    purse_address: p.purse,
    salt: p.salt,
    config_json: p.config,
    ceilings_json: p.ceilings,
  }),
);
const walletColumns = [
  'w.chain_id',
  'w.address',
  'w.purse_address',
  'w.config_json',
  'w.ceilings_json',
  'w.deployed_at',
] as const;
export const agentById = statement<{ id: string }>()((db, p) =>
  db
    .selectFrom('agents as a')
    .leftJoin('wallets as w', 'w.agent_id', 'a.id')
    .selectAll('a')
    .select(walletColumns)
    .where('a.id', '=', p.id),
);
export const agentByName = statement<{ name: string }>()((db, p) =>
  db
    .selectFrom('agents as a')
    .leftJoin('wallets as w', 'w.agent_id', 'a.id')
    .selectAll('a')
    .select(walletColumns)
    .where('a.name', '=', p.name),
);
export const allAgents = statement()((db) =>
  db
    .selectFrom('agents as a')
    .leftJoin('wallets as w', 'w.agent_id', 'a.id')
    .selectAll('a')
    .select(walletColumns)
    .orderBy('a.id'),
);
export const setStatusOfAgent = statement<{ id: string; status: Status; reason: string | null }>()((db, p) =>
  db.updateTable('agents').set({ status: p.status, status_reason: p.reason }).where('id', '=', p.id),
);
