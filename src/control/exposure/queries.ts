import { workingStates } from '../../core/payment/states.ts';
import { statement } from '../../store/statement.ts';

/** Micro-USDC held by payments that are decided and not settled, by rail. */
export const heldOnItsWay = statement<{ agent: string }>()((db, p) =>
  db
    .selectFrom('payments')
    .select(({ fn }) => [
      fn.sum<bigint | null>('held_micro').filterWhere('rail', '=', 'wallet').as('wallet'),
      fn.sum<bigint | null>('held_micro').filterWhere('rail', '=', 'x402').as('x402'),
    ])
    .where('state', 'in', workingStates)
    .where('state', 'in', ['authorized', 'submitted'])
    .where('agent_id', '=', p.agent),
);

export const walletsAndStatuses = statement()((db) =>
  db
    .selectFrom('agents as a')
    .innerJoin('wallets as w', 'w.agent_id', 'a.id')
    .select(['a.id', 'a.status', 'w.ceilings_json'])
    .orderBy('a.id'),
);

export const resolveAlerts = statement<{ type: string; agent: string; at: number }>()((db, p) =>
  db
    .updateTable('alerts')
    .set({ resolved_at: p.at })
    .where('type', '=', p.type)
    .where('agent_id', '=', p.agent)
    .where('resolved_at', 'is', null),
);
