import {
  type AgentAccount,
  agentAccount,
  balance,
  purseAccounts,
  walletAccounts,
} from '../../../books/ledger/journal.ts';
import type { PaymentId } from '../../../core/ids/ids.ts';
import { flatMapInOrder, reduceInOrder } from '../../../core/inOrder.ts';
import { holdsMoney } from '../../../core/payment/states.ts';
import { statement } from '../../../store/statement.ts';
import { readCursor } from '../cursor.ts';
import { CHAIN_ID, nonceOf, paymentOf, type TestAgent } from './books.ts';
import type { Scene } from './scene.ts';

const sumOfBalances = statement()((db) =>
  db.selectFrom('balances').select((eb) => eb.fn.sum<bigint | null>('amount_micro').as('sum')),
);
const heldNotReserved = statement()((db) =>
  db
    .selectFrom('payments as p')
    .select(['p.agent_id', 'p.rail'])
    .groupBy(['p.agent_id', 'p.rail'])
    .having((eb) =>
      eb(
        eb.fn.sum<bigint>('p.held_micro'),
        '<>',
        eb.fn.coalesce(
          eb
            .selectFrom('balances as b')
            .select('b.amount_micro')
            .where((of) =>
              of(
                'b.account',
                '=',
                of(
                  'p.agent_id',
                  '||',
                  of.case().when('p.rail', '=', 'wallet').then(':reserved').else(':purse_reserved').end(),
                ),
              ),
            ),
          eb.val(0n),
        ),
      ),
    ),
);
const watchOf = statement<{ agent: string }>()((db, p) =>
  db.selectFrom('watched').select('agent_id').where('agent_id', '=', p.agent),
);
const outflowAlert = statement<{ payment: string }>()((db, p, f) =>
  db
    .selectFrom('alerts')
    .select('id')
    .where('type', '=', 'unexplained_outflow')
    .where(({ eb, ref }) => eb(f.jsonText(ref('body_json'), 'payment'), '=', p.payment)),
);

/** Where the books contradict themselves or the model chain, now. */
export async function contradictions({ store, chain }: Scene, agents: readonly TestAgent[]): Promise<string[]> {
  return store.read(async (tx) => {
    const found: string[] = [];
    const total = (await tx.get(sumOfBalances))?.sum;
    if (total !== 0n) found.push(`all accounts sum to ${total}`);
    for (const { agent_id, rail } of await tx.all(heldNotReserved))
      found.push(`the ${rail} payments of ${agent_id} hold something else than is reserved`);
    const cursor = await readCursor(tx, CHAIN_ID);
    // Between a reorg and the next look the books are of a branch that is gone.
    if (!cursor || chain.blocks[Number(cursor.number)]?.header.hash !== cursor.hash) return found;
    for (const agent of agents) {
      const watched = await tx.get(watchOf, { agent: agent.id });
      const compare = async (address: `0x${string}`, accounts: readonly AgentAccount[]): Promise<void> => {
        const books = await reduceInOrder(
          accounts,
          async (sum, account) => sum + (await balance(tx, agentAccount(agent.id, account))),
          0n,
        );
        const actual = watched ? chain.balanceAt(address, cursor.number) : 0n;
        if (books !== actual) found.push(`${address} holds ${actual} and the books say ${books}`);
      };
      await compare(agent.wallet, walletAccounts);
      await compare(agent.purse, purseAccounts);
    }
    return found;
  });
}

/**
 * When everything is final: payments that the chain paid and the books or an alert do not say so, and payments that are over,
 * or not, against the chain's word.
 */
export async function undecided({ store, chain }: Scene, payments: readonly PaymentId[]): Promise<string[]> {
  return flatMapInOrder(payments, async (id) => {
    const { rail, state, chainKey } = await paymentOf(store, id);
    const spent = chain.tip.after.spent.has(rail === 'wallet' ? chainKey : nonceOf(id));
    const alerted = await store.read((tx) => tx.get(outflowAlert, { payment: id }));
    const told = state === 'final' || alerted !== undefined;
    // A signed purchase must have come to an end; one that waits for its top-up, or a wallet's payment, may wait for ever.
    const open = holdsMoney[state] && (rail === 'wallet' || state === 'authorized');
    if (spent ? told : state !== 'final' && (open || state === 'expired' || state === 'cancelled')) return [];
    return [`${id} (${rail}) is ${state}, and the chain says ${spent ? 'spent' : 'unspent'}`];
  });
}
