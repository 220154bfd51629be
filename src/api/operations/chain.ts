import { z } from 'zod';
import { formatUsdc } from '../../core/money/microUsdc.ts';
import { AmountView, amountView } from '../../core/schemas/schemas.ts';
import { operation } from './operation.ts';

const BlockNumber = z
  .string()
  .regex(/^[0-9]{1,15}$/, 'is not a block number')
  .or(z.int().min(0).transform(String));

const Transfer = z
  .object({
    block: z.string(),
    tx_hash: z.string(),
    log_index: z.int(),
    from: z.string(),
    to: z.string(),
    amount: AmountView,
    payment: z.string().nullable().describe('The payment that the transfer was, where it is undone'),
  })
  .meta({ id: 'ChainTransfer' });

export const chainOperations = [
  operation({
    name: 'recover_chain',
    summary:
      'Read the chain again from a block on, final blocks included, and show how the books differ; with the digest of that result, book the difference.',
    method: 'POST',
    path: '/v1/chain/recover',
    scope: 'admin',
    cost: 'bulk',
    peopleOnly: true,
    input: z.strictObject({
      from_block: BlockNumber.describe('The first block to read; the one below it must be the same in the books'),
      book: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional()
        .describe('The digest of the difference that was shown: book that, or nothing. Absent: only show it'),
    }),
    output: z.object({
      from_block: z.string(),
      to_block: z.string(),
      booked: z.boolean(),
      digest: z.string().describe('Send it as `book` to book exactly this'),
      undone: z.array(Transfer).describe('In the books, and not on the chain'),
      added: z.array(Transfer).describe('On the chain, and not in the books'),
      balances: z
        .array(
          z.object({
            address: z.string(),
            agent: z.string(),
            before: AmountView,
            after: AmountView,
            chain: z.string(),
          }),
        )
        .describe('Addresses whose balance in the books changes'),
      resent: z.int().describe('Transactions that wait to be mined again'),
    }),
    errors: ['chain_unavailable', 'chain_inconsistent', 'conflict'],
    handler: async (app, caller, input) => {
      const found = await app.recoverChain({
        fromBlock: BigInt(input.from_block),
        book: input.book ?? null,
        actor: caller.actor,
      });
      const { difference } = found;
      return {
        from_block: found.fromBlock.toString(),
        to_block: found.toBlock.toString(),
        booked: found.booked,
        digest: found.digest,
        undone: difference.gone.map((row) => ({
          block: row.block_number.toString(),
          tx_hash: row.tx_hash,
          log_index: Number(row.log_index),
          from: row.from_address,
          to: row.to_address,
          amount: amountView(row.amount_micro),
          payment: row.match_kind === 'payment' ? row.match_id : null,
        })),
        added: difference.missing.flatMap(({ facts }) =>
          facts.flatMap((fact) =>
            fact.type === 'transfer'
              ? [
                  {
                    block: fact.at.blockNumber.toString(),
                    tx_hash: fact.at.txHash,
                    log_index: fact.at.logIndex,
                    from: fact.from,
                    to: fact.to,
                    amount: amountView(fact.amount),
                    payment: null,
                  },
                ]
              : [],
          ),
        ),
        balances: found.balances.map(({ address, agentId, before, after, chain }) => ({
          address,
          agent: agentId,
          before: amountView(before),
          after: amountView(after),
          chain: formatUsdc(chain),
        })),
        resent: found.reopened,
      };
    },
  }),
];
