import { createPublicClient, encodeFunctionData, type Hex, http, parseAbi, zeroAddress } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import { verifyLogProof } from '../src/chain/receipt/inclusion.ts';
import type { Receipt } from '../src/chain/receipt/receipt.ts';
import { readTransaction } from '../src/chain/receipt/transaction.ts';
import { type ReceiptWorld, receiptWorld } from './support/receiptKinds.ts';

let world: ReceiptWorld;
beforeAll(async () => {
  world = await receiptWorld();
}, 300_000);
afterAll(() => world.end());

const receiptOf = (kind: string): Receipt => world.receipts[kind] as Receipt;
const client = () => createPublicClient({ transport: http(world.server.rpcUrl) });
const read = async (hash: Hex) =>
  readTransaction(client(), hash, { organisation: await world.server.keys.address('owner') });
const shown = ({ payment, chain, settlement, policy_digest, decision_hash }: Receipt) => ({
  rail: payment.rail,
  wallet: chain.wallet,
  purse: chain.purse,
  payee: payment.address,
  token: chain.token,
  amount_micro: payment.amount_micro,
  log_index: settlement.log_index,
  payment_key: payment.chain_key,
  policy_digest,
  decision_hash,
});

describe('what the chain alone shows of a transaction', () => {
  it.each(['pay', 'approved', 'mandate', 'purchase', 'top_up', 'refund', 'recurring'])(
    'is what the receipt of a %s payment says',
    async (kind) => {
      const view = await read(receiptOf(kind).settlement.tx_hash as Hex);
      expect(view).toMatchObject({ state: 'mined', other_transfers: 0 });
      expect(view.payments).toHaveLength(1);
      const [payment] = view.payments;
      expect(payment).toMatchObject(shown(receiptOf(kind)));
      expect(payment?.organisation).toBe(await world.server.keys.address('owner'));
      expect(Number(payment?.anchor?.size)).toBeGreaterThan(0);
    },
  );

  it('is every payment of a batch, two of them alike', async () => {
    for (const kind of ['batch', 'split']) {
      const { payments } = await read(receiptOf(kind).settlement.tx_hash as Hex);
      expect(payments.length).toBeGreaterThan(1);
      expect(new Set(payments.map(({ log_index }) => log_index)).size).toBe(payments.length);
      expect(payments).toContainEqual(expect.objectContaining(shown(receiptOf(kind))));
    }
  });

  it('is found without any name of the organisation, by the genuine factory that created the wallet', async () => {
    const view = await readTransaction(client(), receiptOf('pay').settlement.tx_hash as Hex, {});
    expect(view.payments[0]?.organisation).toBe(await world.server.keys.address('owner'));
    expect(view.payments[0]?.assumed.join()).toContain('that you mean');
  });

  it('is nothing of ours, a failure, one that waits, and one that never was', async () => {
    const { local, keys } = world.server;
    const treasury = await keyAccount(keys, 'treasury');
    const abi = parseAbi(['function transfer(address to, uint256 value)']);
    const transfer = (value: bigint) =>
      encodeFunctionData({ abi, functionName: 'transfer', args: [receiptOf('pay').payment.address as Hex, value] });
    const [plain = '0x'] = await sendInOrder(local.client, treasury, [{ to: local.usdc.address, data: transfer(0n) }]);
    expect(await read(plain)).toMatchObject({ state: 'mined', payments: [], other_transfers: 1 });

    const bad = { account: treasury, chain: null, to: local.usdc.address, data: transfer(10n ** 30n), gas: 200_000n };
    const failed = await local.client.sendTransaction(bad);
    await local.client.waitForTransactionReceipt({ hash: failed });
    expect(await read(failed)).toMatchObject({ state: 'failed', payments: [] });

    await local.client.setAutomine(false);
    const waits = await local.client.sendTransaction({ account: treasury, chain: null, to: zeroAddress, value: 1n });
    const view = await read(waits);
    await local.client.setAutomine(true);
    expect(view).toMatchObject({ state: 'pending', payments: [] });
    expect(await read(`0x${'cd'.repeat(32)}`)).toMatchObject({ state: 'unknown', payments: [] });
  });
});

describe('a proof of the log by itself', () => {
  it('is held against the registry of the organisation that was named', async () => {
    const { inclusion } = receiptOf('anchored');
    const { rpcUrl, keys } = world.server;
    const organisation = await keys.address('owner');
    expect(await verifyLogProof(inclusion, rpcUrl, { organisation })).toMatchObject({ ok: true });
    expect(await verifyLogProof(inclusion, rpcUrl, { organisation: zeroAddress })).toMatchObject({ ok: false });
  });
});
