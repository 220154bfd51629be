import type { Address, Hex } from 'viem';
import type { RowIn } from '../../store/schema/schema.ts';
import { statement } from '../../store/statement.ts';

type Queue = { chain: number; sender: Address };
type State = RowIn<'transactions'>['state'];
type Reason = NonNullable<RowIn<'transactions'>['drop_reason']>;

export const transactionOf = statement<{ id: bigint }>()((db, p) =>
  db.selectFrom('transactions').selectAll().where('id', '=', p.id),
);
export const transactionsOfPayment = statement<{ payment: string }>()((db, p) =>
  db
    .selectFrom('transaction_payments as p')
    .innerJoin('transactions as t', 't.id', 'p.transaction_id')
    .selectAll('t')
    .where('p.payment_id', '=', p.payment)
    .orderBy('t.id', 'desc'),
);
export const transactionsFor = statement<{ purpose: string }>()((db, p) =>
  db.selectFrom('transactions').selectAll().where('purpose', '=', p.purpose).orderBy('id', 'desc').limit(100),
);
export const paymentsOfTransaction = statement<{ id: bigint }>()((db, p) =>
  db.selectFrom('transaction_payments').select('payment_id').where('transaction_id', '=', p.id).orderBy('payment_id'),
);
export const sendersThatWait = statement<{ chain: number }>()((db, p) =>
  db
    .selectFrom('transactions')
    .select('sender')
    .distinct()
    .where('chain_id', '=', p.chain)
    .where('state', 'in', ['queued', 'pending']),
);
/** Pending ones by nonce, the others by the time at which they were queued. */
export const transactionsInState = statement<Queue & { state: State; limit: number }>()((db, p) =>
  db
    .selectFrom('transactions')
    .selectAll()
    .where('chain_id', '=', p.chain)
    .where('sender', '=', p.sender)
    .where('state', '=', p.state)
    .orderBy('nonce')
    .orderBy('id')
    .limit(p.limit),
);
export const highestNonce = statement<Queue>()((db, p) =>
  db
    .selectFrom('transactions')
    .select((eb) => eb.fn.max<bigint | null>('nonce').as('top'))
    .where('chain_id', '=', p.chain)
    .where('sender', '=', p.sender),
);
/** Used by a mined transaction, or by another one at a final block. */
export const highestUsedNonce = statement<Queue>()((db, p) =>
  db
    .selectFrom('transactions')
    .select((eb) => eb.fn.max<bigint | null>('nonce').as('top'))
    .where('chain_id', '=', p.chain)
    .where('sender', '=', p.sender)
    .where(({ eb, or }) => or([eb('state', 'in', ['mined', 'final']), eb('drop_reason', '=', 'nonce_taken')])),
);

export const addTransaction = statement<
  Queue & {
    purpose: string;
    to: string;
    data: string;
    gasLimit: bigint | null;
    dependsOn: bigint | null;
    at: number;
  }
>()((db, p) =>
  db
    .insertInto('transactions')
    .values({
      chain_id: p.chain,
      sender: p.sender,
      purpose: p.purpose,
      to_address: p.to,
      data: p.data,
      gas_limit: p.gasLimit,
      depends_on: p.dependsOn,
      state: 'queued',
      created_at: p.at,
    })
    .returning('id'),
);
/** A placeholder for a nonce that other programs used. */
export const addForeign = statement<Queue & { nonce: bigint; at: number }>()((db, p) =>
  db.insertInto('transactions').values({
    chain_id: p.chain,
    sender: p.sender,
    nonce: p.nonce,
    purpose: 'foreign',
    to_address: p.sender,
    data: '0x',
    state: 'dropped',
    drop_reason: 'nonce_taken',
    created_at: p.at,
  }),
);
export const addTransactionPayment = statement<{ id: bigint; payment: string }>()((db, p) =>
  db.insertInto('transaction_payments').values({ transaction_id: p.id, payment_id: p.payment }),
);
export const dropFrom = statement<{ id: bigint; from: State; reason: Reason; detail: string | null }>()((db, p) =>
  db
    .updateTable('transactions')
    .set({ state: 'dropped', drop_reason: p.reason, drop_detail: p.detail })
    .where('id', '=', p.id)
    .where('state', '=', p.from),
);
export const dropAboveNonce = statement<Queue & { nonce: bigint }>()((db, p, f) =>
  db
    .updateTable('transactions')
    .set((eb) => ({
      state: 'dropped',
      drop_reason: 'nonce_gap',
      drop_detail: eb(eb.val('Signed on nonce '), '||', f.asText(eb.ref('nonce'))).$castTo<string>(),
      nonce: null,
    }))
    .where('chain_id', '=', p.chain)
    .where('sender', '=', p.sender)
    .where('state', '=', 'pending')
    .where('nonce', '>', p.nonce),
);
/** Attempts of transactions that were given up because a node had invented their nonce. They are signed, so they can still be mined. */
export const givenUpAttempts = statement<Queue>()((db, p) =>
  db
    .selectFrom('transactions as t')
    .innerJoin('transaction_attempts as a', 'a.transaction_id', 't.id')
    .select(['t.id', 'a.hash', 'a.raw'])
    .where('t.chain_id', '=', p.chain)
    .where('t.sender', '=', p.sender)
    .where('t.drop_reason', '=', 'nonce_gap')
    .orderBy('t.id'),
);
export const setPendingOnNonce = statement<{ id: bigint; nonce: bigint }>()((db, p) =>
  db
    .updateTable('transactions')
    .set({ state: 'pending', nonce: p.nonce, drop_reason: null, drop_detail: null })
    .where('id', '=', p.id)
    .where('drop_reason', '=', 'nonce_gap'),
);
/** Only for a transaction that was never signed. */
export const setDropReason = statement<{ id: bigint; reason: Reason }>()((db, p) =>
  db
    .updateTable('transactions')
    .set({ drop_reason: p.reason })
    .where('id', '=', p.id)
    .where('state', '=', 'dropped')
    .where('nonce', 'is', null),
);
export const setPending = statement<{ id: bigint; nonce: bigint; gasLimit: bigint }>()((db, p) =>
  db
    .updateTable('transactions')
    .set({ state: 'pending', nonce: p.nonce, gas_limit: p.gasLimit })
    .where('id', '=', p.id)
    .where('state', '=', 'queued'),
);
export const setGasLimit = statement<{ id: bigint; gasLimit: bigint }>()((db, p) =>
  db.updateTable('transactions').set({ gas_limit: p.gasLimit }).where('id', '=', p.id),
);
export const setMined = statement<{
  id: bigint;
  hash: string;
  succeeded: number;
  block: bigint;
  blockHash: string;
  gasUsed: bigint;
  gasPrice: string;
}>()((db, p) =>
  db
    .updateTable('transactions')
    .set({
      state: 'mined',
      mined_hash: p.hash,
      succeeded: p.succeeded,
      block_number: p.block,
      block_hash: p.blockHash,
      gas_used: p.gasUsed,
      gas_price_wei: p.gasPrice,
    })
    .where('id', '=', p.id)
    .where('state', 'in', ['pending', 'mined']),
);
export const setFinal = statement<{ id: bigint; blockHash: Hex }>()((db, p) =>
  db
    .updateTable('transactions')
    .set({ state: 'final' })
    .where('id', '=', p.id)
    .where('state', '=', 'mined')
    .where('block_hash', '=', p.blockHash),
);
export const setPendingAgain = statement<{ id: bigint; blockHash: Hex }>()((db, p) =>
  db
    .updateTable('transactions')
    .set({
      state: 'pending',
      mined_hash: null,
      succeeded: null,
      block_number: null,
      block_hash: null,
      gas_used: null,
      gas_price_wei: null,
    })
    .where('id', '=', p.id)
    .where('state', '=', 'mined')
    .where('block_hash', '=', p.blockHash),
);
export const setNotFinal = statement<{ id: bigint }>()((db, p) =>
  db.updateTable('transactions').set({ state: 'mined' }).where('id', '=', p.id),
);
export const minedFrom = statement<{ chain: number; block: bigint }>()((db, p) =>
  db
    .selectFrom('transactions')
    .select(['id', 'block_hash'])
    .where('chain_id', '=', p.chain)
    .where('state', 'in', ['mined', 'final'])
    .where('block_number', '>=', p.block),
);

/** The one signed last comes first. */
export const attemptsAt = statement<{ id: bigint }>()((db, p) =>
  db.selectFrom('transaction_attempts').selectAll().where('transaction_id', '=', p.id).orderBy('position', 'desc'),
);
export const lastAttempt = statement<{ id: bigint }>()((db, p) =>
  db
    .selectFrom('transaction_attempts')
    .selectAll()
    .where('transaction_id', '=', p.id)
    .orderBy('position', 'desc')
    .limit(1),
);
export const addAttempt = statement<{
  hash: string;
  id: bigint;
  raw: string;
  gasLimit: bigint;
  maxFee: string;
  maxPriorityFee: string;
  at: number;
}>()((db, p) =>
  db.insertInto('transaction_attempts').values((eb) => ({
    hash: p.hash,
    transaction_id: p.id,
    position: eb
      .selectFrom('transaction_attempts')
      .select(({ fn, eb: of, val }) => of(fn.coalesce(fn.max('position'), val(0n)), '+', 1n).as('next'))
      .where('transaction_id', '=', p.id),
    raw: p.raw,
    gas_limit: p.gasLimit,
    max_fee_wei: p.maxFee,
    max_priority_fee_wei: p.maxPriorityFee,
    signed_at: p.at,
  })),
);
export const setBroadcast = statement<{ hash: Hex; at: number }>()((db, p) =>
  db
    .updateTable('transaction_attempts')
    .set({ broadcast_at: p.at })
    .where('hash', '=', p.hash)
    .where('broadcast_at', 'is', null),
);

/** Of a chain or of a sender. */
export const openAlertAbout = statement<{ type: string; subject: string }>()((db, p, f) =>
  db
    .selectFrom('alerts')
    .select('id')
    .where('type', '=', p.type)
    .where('resolved_at', 'is', null)
    .where(({ eb, ref }) => eb(f.jsonText(ref('body_json'), 'subject'), '=', p.subject)),
);
export const resolveAlert = statement<{ id: bigint; at: number }>()((db, p) =>
  db.updateTable('alerts').set({ resolved_at: p.at }).where('id', '=', p.id),
);
