import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { HTTPFacilitatorClient } from '@x402/core/server';
import type { PaymentPayload, SettleResponse } from '@x402/core/types';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Desk,
  type DeskOptions,
  openScene,
  requirementsFor,
  type Scene,
} from '../../../test/support/paymentScene.ts';
import { query } from '../../store/statement.ts';

let scene: Scene;
let desks: Desk[] = [];
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.stop());
afterEach(async () => {
  await scene.local.client.setAutomine(true);
  await Promise.all(desks.map((desk) => desk.stop()));
  desks = [];
});

async function openDesk(options: DeskOptions = {}): Promise<Desk & { client: HTTPFacilitatorClient }> {
  const desk = await scene.desk(options);
  desks.push(desk);
  return { ...desk, client: new HTTPFacilitatorClient({ url: desk.url }) };
}
const PRICE = 10_000n;
const terms = () => requirementsFor(scene, PRICE);
const authorizationOf = (payload: PaymentPayload) => payload.payload.authorization as { from: string; nonce: string };

describe('the facilitator inside, asked by the official HTTP client', () => {
  it('says what it supports, and which asset it means by USDC', async () => {
    const { client, url, relayer } = await openDesk();
    expect(await client.getSupported()).toMatchObject({
      kinds: [{ x402Version: 2, scheme: 'exact', network: 'eip155:31337' }],
      signers: { 'eip155:*': [relayer] },
    });
    const { assets } = (await (await fetch(`${url}/supported`)).json()) as { assets: unknown[] };
    expect(assets).toEqual([
      { network: 'eip155:31337', address: scene.chain.token, symbol: 'USDC', decimals: 6, name: 'USDC', version: '2' },
    ]);
  });

  it('verifies and settles a payment, and tells a second caller that it was used', async () => {
    const { client, url } = await openDesk();
    const buyer = await scene.buyer(PRICE);
    const payload = await buyer.pay(terms());
    expect(await client.verify(payload, terms())).toMatchObject({ isValid: true, payer: buyer.account.address });
    const settled = await client.settle(payload, terms());
    expect(settled).toMatchObject({ success: true, payer: buyer.account.address });
    expect(await scene.transfers(buyer.account.address)).toEqual([settled.transaction]);
    expect(await client.settle(payload, terms())).toMatchObject({
      success: false,
      errorReason: 'duplicate_settlement',
    });
    const { from, nonce } = authorizationOf(payload);
    const evidence = await (await fetch(`${url}/settlements/eip155:31337/${from}/${nonce}`)).json();
    expect(evidence).toMatchObject({ state: 'settled', transaction: settled.transaction, amount: '10000' });
  });

  it('settles 30 payments asked for at once, none of them lost to the relayer’s nonce', async () => {
    const { client } = await openDesk();
    const buyers = await Promise.all(Array.from({ length: 30 }, () => scene.buyer(PRICE)));
    const answers = await Promise.all(buyers.map(async (buyer) => client.settle(await buyer.pay(terms()), terms())));
    expect(answers.filter(({ success }) => success)).toHaveLength(30);
    expect(new Set(answers.map(({ transaction }) => transaction)).size).toBe(30);
  });

  it('sends one transaction when one payload is settled six times at once, and tells one caller that it settled', async () => {
    const { client, store } = await openDesk();
    const buyer = await scene.buyer(2n * PRICE);
    const payload = await buyer.pay(terms());
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.settle(payload, terms())));
    expect(answers.filter(({ success }) => success)).toHaveLength(1);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
    expect(await store.read((tx) => tx.all(query((db) => db.selectFrom('transactions').select('id'))))).toHaveLength(1);
  });

  it('refuses what was tampered with, and what pays somebody else, without sending anything', async () => {
    const { client, store } = await openDesk();
    const buyer = await scene.buyer(10n * PRICE);
    const payload = await buyer.pay(terms());
    const authorization = payload.payload.authorization as Record<string, string>;
    const changed = (changes: Record<string, string>) => ({
      ...payload,
      payload: { ...payload.payload, authorization: { ...authorization, ...changes } },
    });
    const outsider = privateKeyToAccount(generatePrivateKey()).address;
    const cases: [string, PaymentPayload, ReturnType<typeof terms>][] = [
      ['invalid_exact_evm_signature', changed({ value: '9999' }), { ...terms(), amount: '9999' }],
      ['invalid_exact_evm_signature', changed({ nonce: `0x${'11'.repeat(32)}` }), terms()],
      ['invalid_exact_evm_signature', changed({ validBefore: '9999999999' }), terms()],
      ['invalid_exact_evm_recipient_mismatch', changed({ to: outsider }), terms()],
      ['pay_to_not_served', changed({ to: outsider }), { ...terms(), payTo: outsider }],
      ['invalid_asset', payload, { ...terms(), asset: outsider }],
      ['invalid_network', payload, { ...terms(), network: 'eip155:1' }],
      ['unsupported_scheme', payload, { ...terms(), scheme: 'upto' }],
      ['unsupported_payload_type', { ...payload, payload: { permit2Authorization: {} } }, terms()],
      ['invalid_exact_evm_payload_authorization_value_mismatch', payload, { ...terms(), amount: '10001' }],
      ['invalid_amount', changed({ value: '0' }), { ...terms(), amount: '0' }],
    ];
    for (const [reason, bad, requirements] of cases) {
      expect((await client.verify(bad, requirements)).invalidReason, reason).toBe(reason);
      expect((await client.settle(bad, requirements)).errorReason, reason).toBe(reason);
    }
    expect(await store.read((tx) => tx.all(query((db) => db.selectFrom('transactions').select('id'))))).toHaveLength(0);
    expect(await client.settle(payload, terms())).toMatchObject({ success: true });
  });

  it('settles nothing below the operator’s minimum, which gas would eat', async () => {
    const { client } = await openDesk({ minMicro: PRICE + 1n });
    const buyer = await scene.buyer(10n * PRICE);
    const payload = await buyer.pay(terms());
    expect(await client.verify(payload, terms())).toMatchObject({ invalidReason: 'amount_below_minimum' });
    expect(await client.settle(payload, terms())).toMatchObject({ errorReason: 'amount_below_minimum' });
    const more = { ...terms(), amount: String(PRICE + 1n) };
    expect(await client.settle(await buyer.pay(more), more)).toMatchObject({ success: true });
  });

  it('refuses a second transfer signed under the nonce of the first', async () => {
    const { client } = await openDesk();
    const buyer = await scene.buyer(10n * PRICE);
    await scene.local.client.setAutomine(false);
    const first = await buyer.pay(terms());
    const settling = client.settle(first, terms());
    const { nonce } = authorizationOf(first);
    const more = { ...terms(), amount: '20000' };
    const draft = await buyer.pay(more);
    const authorization = { ...(draft.payload.authorization as Record<string, string>), nonce };
    const { name, version } = scene.domain;
    const signature = await buyer.account.signTypedData({
      domain: { name, version, chainId: 31_337, verifyingContract: scene.chain.token },
      types: {
        TransferWithAuthorization: [
          'from:address',
          'to:address',
          'value:uint256',
          'validAfter:uint256',
          'validBefore:uint256',
          'nonce:bytes32',
        ].map((field) => ({ name: field.split(':')[0] as string, type: field.split(':')[1] as string })),
      },
      primaryType: 'TransferWithAuthorization',
      message: authorization,
    });
    const second = { ...draft, payload: { authorization, signature } };
    await expect.poll(async () => (await scene.local.client.getTxpoolStatus()).pending, { timeout: 20_000 }).toBe(1);
    expect(await client.settle(second, more)).toMatchObject({ success: false });
    await scene.local.client.mine({ blocks: 1 });
    expect(await settling).toMatchObject({ success: true });
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
  });

  it('answers settlement_pending while nobody mines, and follows that transaction instead of signing again', async () => {
    const { client, store } = await openDesk({ minedWithinMs: 50 });
    const buyer = await scene.buyer(PRICE);
    await scene.local.client.setAutomine(false);
    const payload = await buyer.pay(terms());
    const first = await client.settle(payload, terms());
    expect(first).toMatchObject({ success: false, errorReason: 'settlement_pending' });
    expect(await client.settle(payload, terms())).toMatchObject({
      errorReason: 'settlement_pending',
      transaction: first.transaction,
    });
    await scene.local.client.mine({ blocks: 1 });
    expect(await client.settle(payload, terms())).toMatchObject({ success: true, transaction: first.transaction });
    expect(await client.settle(payload, terms())).toMatchObject({ success: false });
    expect(await store.read((tx) => tx.all(query((db) => db.selectFrom('transactions').select('id'))))).toHaveLength(1);
  });

  it('takes a payment back when the relayer cannot sign in time: nothing was sent, and it may be settled later', async () => {
    const { client, relayer } = await openDesk({ signWithinMs: 1_500 });
    const buyer = await scene.buyer(PRICE);
    await scene.local.client.setBalance({ address: relayer, value: 0n });
    const payload = await buyer.pay(terms());
    expect(await client.settle(payload, terms())).toMatchObject({ success: false, transaction: '' });
    await scene.local.fundGas([relayer]);
    expect(await client.settle(payload, terms())).toMatchObject({ success: true });
  });

  it('stops paying gas for a payer who has used up the day’s cap', async () => {
    const { client } = await openDesk({ gasPerPayerPerDay: 60_000n });
    const buyer = await scene.buyer(2n * PRICE);
    expect(await client.settle(await buyer.pay(terms()), terms())).toMatchObject({ success: true });
    const next = await buyer.pay(terms());
    expect((await client.verify(next, terms())).invalidReason).toBe('payer_gas_cap_reached');
    expect((await client.settle(next, terms())).errorReason).toBe('payer_gas_cap_reached');
  });

  it('bounds requests per address, bodies, and answers nonsense with a problem', async () => {
    const { url } = await openDesk({ requestsPerSecond: 1 });
    const post = (body: string) => fetch(`${url}/settle`, { method: 'POST', body });
    expect((await post('{')).status).toBe(400);
    expect((await post('{"x402Version":1}')).status).toBe(400);
    expect((await post(`"${'x'.repeat(70_000)}"`)).status).toBe(413);
    const limited = await post('{}');
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('says that the chain is away rather than that a good signature is bad', async () => {
    const { client } = await openDesk();
    const away = await scene.desk();
    desks.push(away);
    const buyer = await scene.buyer(PRICE);
    const payload = await buyer.pay(terms());
    await expect(client.verify(payload, terms())).resolves.toMatchObject({ isValid: true });
    const { openDesk: open } = await import('../../../test/support/paymentScene.ts');
    const dead = await open('http://127.0.0.1:1', scene.chain.token, scene.local.factory);
    desks.push(dead);
    await expect(new HTTPFacilitatorClient({ url: dead.url }).verify(payload, terms())).rejects.toThrow(/503/);
  });
});

describe('two processes, each with a database and a key of its own', () => {
  it('settle one payload once between them', async () => {
    const buyer = await scene.buyer(5n * PRICE);
    const payload = await buyer.pay(terms());
    const children = await Promise.all(
      [1, 2].map(async () => {
        const key = generatePrivateKey();
        await scene.local.fundGas([privateKeyToAccount(key).address]);
        return startSettler(key, payload);
      }),
    );
    for (const { child } of children) child.stdin?.write('go\n');
    const answers = await Promise.all(children.map(({ answer }) => answer));
    expect(answers.filter(({ success }) => success)).toHaveLength(1);
    expect(await scene.transfers(buyer.account.address)).toHaveLength(1);
  });
});

async function startSettler(
  key: string,
  payload: PaymentPayload,
): Promise<{ child: ChildProcess; answer: Promise<SettleResponse> }> {
  const script = new URL('../../../test/support/settleOnce.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      RPC_URL: scene.local.anvil.url,
      TOKEN: scene.chain.token,
      FACTORY: scene.local.factory,
      EXECUTOR_KEY: key,
      PAYLOAD: JSON.stringify(payload),
      REQUIREMENTS: JSON.stringify(terms()),
    },
  });
  const lines = createInterface({ input: child.stdout });
  const iterator = lines[Symbol.asyncIterator]();
  await iterator.next();
  const answer = iterator.next().then(({ value }) => JSON.parse(String(value)) as SettleResponse);
  return { child, answer };
}
