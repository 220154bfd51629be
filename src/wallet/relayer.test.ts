import { encodeFunctionData, type Hex, parseAbi, zeroAddress } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { devAccounts } from '../devnet/accounts.ts';
import { type Anvil, startAnvil } from '../devnet/anvil.ts';
import { type DevClient, devClient } from '../devnet/client.ts';
import { type LyingRpc, startLyingRpc } from '../devnet/lyingRpc.ts';
import { deployUsdc, mintUsdc, type Usdc } from '../devnet/usdc.ts';
import { newId, type PaymentId, paymentIdOnChain } from '../ids/ids.ts';
import { microUsdc } from '../money/microUsdc.ts';
import { openStore, type Store } from '../store/store.ts';
import { attemptsOf } from './attempts.ts';
import { openChain } from './chain.ts';
import { memoryKeys } from './keys.ts';
import { outcomeOf, outcomesOf, outcomesOfPayment } from './outcomes.ts';
import { createRelayer, type Relayer, type RelayerOptions } from './relayer.ts';
import { adoptNonce, enqueueTransaction, type NewTransaction, withdrawTransaction } from './transactions.ts';

const abi = parseAbi([
  'function transfer(address to, uint256 amount) returns (bool)',
  'function balanceOf(address) view returns (uint256)',
]);
const [deployer, proxyAdmin, , , , payee] = devAccounts;
const CHAIN_ID = 31_337;
let anvil: Anvil;
let client: DevClient;
let usdc: Usdc;
let rpc: LyingRpc;
let store: Store;
let nowMs: number;
let keyCount = 0;
let key: Hex;
let sender: `0x${string}`;

beforeAll(async () => {
  anvil = await startAnvil();
  client = devClient(anvil.url, CHAIN_ID);
  usdc = await deployUsdc(client, { deployer, proxyAdmin: proxyAdmin.address });
});
afterAll(() => anvil.stop());

beforeEach(async () => {
  // A new key for each test: its nonces start at 0 on a chain that is shared.
  keyCount += 1;
  key = `0x${keyCount.toString(16).padStart(64, '0')}`;
  sender = await memoryKeys(new Map([['relayer', key]])).address('relayer');
  await client.setBalance({ address: sender, value: 10n ** 18n });
  await client.setNonce({ address: sender, nonce: 0 });
  await mintUsdc(client, usdc, sender, microUsdc(1_000_000n));
  rpc = await startLyingRpc(anvil.url);
  store = openStore(':memory:');
  nowMs = 1_800_000_000_000;
});
afterEach(async () => {
  await client.setAutomine(true);
  await rpc.stop();
  await store.close();
});

function relayer(changes: Partial<RelayerOptions> & { chainId?: number } = {}): Relayer {
  return createRelayer({
    store,
    chain: openChain({ chainId: changes.chainId ?? CHAIN_ID, rpcUrl: rpc.url, token: usdc.address, timeoutMs: 400 }),
    keys: memoryKeys(new Map([['relayer', key]])),
    lanes: ['relayer'],
    clock: () => nowMs,
    finality: { kind: 'depth', blocks: 20n },
    ...changes,
  });
}

const transferData = (amount: bigint, to: `0x${string}` = payee.address): Hex =>
  encodeFunctionData({ abi, functionName: 'transfer', args: [to, amount] });
const queue = (changes: Partial<NewTransaction> = {}): Promise<bigint> =>
  store.write(
    (tx) =>
      enqueueTransaction(tx, {
        chainId: CHAIN_ID,
        sender,
        to: usdc.address,
        data: transferData(1n),
        purpose: 'pay',
        paymentIds: [],
        atMs: nowMs,
        ...changes,
      }).id,
  );
const outcome = (id: bigint) => store.read((tx) => outcomeOf(tx, id));
const attempts = (id: bigint) => store.read((tx) => attemptsOf(tx, id));
const events = (type: string) =>
  store
    .read((tx) => tx.all<{ body: string }>('SELECT body FROM events WHERE type = ? ORDER BY seq', type))
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>);
const openAlerts = () =>
  store
    .read((tx) => tx.all<{ type: string }>('SELECT type FROM alerts WHERE resolved_at IS NULL'))
    .map(({ type }) => type);
const received = () =>
  client.readContract({ address: usdc.address, abi, functionName: 'balanceOf', args: [payee.address] });

async function payment(amount = 1n): Promise<PaymentId> {
  const id = newId('payment');
  await store.write((tx) => {
    tx.run(`INSERT OR IGNORE INTO sponsors VALUES ('spn_1', 'Finance', 'active', NULL, 0)`);
    tx.run(`INSERT OR IGNORE INTO agents VALUES ('agt_1', 'Researcher', 'spn_1', 'active', NULL, '{}', 0)`);
    tx.run(
      `INSERT INTO payments (id, chain_key, agent_id, sponsor_id, workflow_id, kind, rail, chain_id, address, amount_micro, held_micro,
         state, reasons_json, policy_digest, decision_hash, idempotency_key, body_hash, request_json, created_at, updated_at)
       VALUES (?, ?, 'agt_1', 'spn_1', 'wfl_1', 'payout', 'wallet', ?, ?, ?, 0, 'authorized', '[]', 'sha256:p', '0x', ?, '', '{}', 0, 0)`,
      id,
      paymentIdOnChain(id),
      CHAIN_ID,
      payee.address,
      amount,
      id,
    );
  });
  return id;
}

describe('a lane', () => {
  it('signs, stores, sends, sees it mined and then final, and says so for each payment', async () => {
    const id = await payment();
    const before = await received();
    const transaction = await queue({ paymentIds: [id], data: transferData(7n) });
    expect(outcome(transaction)).toEqual({ kind: 'queued' });
    const lane = relayer();
    expect((await lane.tick()).lanes).toMatchObject([{ trouble: null, signed: 1, sent: 1 }]);
    expect((await lane.tick()).lanes).toMatchObject([{ mined: 1, signed: 0, sent: 0 }]);
    expect(await received()).toBe(before + 7n);
    const [attempt] = attempts(transaction);
    expect(outcome(transaction)).toMatchObject({ kind: 'mined', succeeded: true, nonce: 0n, txHash: attempt?.hash });
    expect(store.read((tx) => outcomesOf(tx))).toMatchObject([{ transactionId: transaction, paymentIds: [id] }]);
    await client.mine({ blocks: 20 });
    expect((await lane.tick()).lanes).toMatchObject([{ final: 1 }]);
    expect(outcome(transaction)).toMatchObject({ kind: 'final', succeeded: true });
    for (const type of ['payment.signed', 'payment.broadcast']) {
      expect(events(type)).toMatchObject([
        { payment: id, agent: 'agt_1', sponsor: 'spn_1', workflow: 'wfl_1', policy_digest: 'sha256:p' },
      ]);
    }
    expect(events('payment.signed')[0]).toMatchObject({ data: { hash: attempt?.hash, nonce: 0, sender } });
  });

  it('the attempt is on disk before the node hears of it', async () => {
    const transaction = await queue();
    let stored = 0;
    rpc.tell(({ method }) => {
      if (method === 'eth_sendRawTransaction') stored = attempts(transaction).length;
      return 'pass';
    });
    await relayer().tick();
    expect(stored).toBe(1);
  });

  it('forty queued at once go out in order, sixteen in flight at most, each exactly once', async () => {
    await client.setAutomine(false);
    const before = await received();
    const ids = [];
    for (let index = 0; index < 40; index += 1) ids.push(await queue());
    const lane = relayer();
    expect((await lane.tick()).lanes).toMatchObject([{ signed: 16, sent: 16 }]);
    expect((await lane.tick()).lanes).toMatchObject([{ signed: 0, sent: 0 }]);
    for (let round = 0; round < 3; round += 1) {
      await client.mine({ blocks: 1 });
      await lane.tick();
    }
    await lane.tick();
    expect(ids.map((id) => outcome(id)?.kind)).toEqual(Array(40).fill('mined'));
    expect(await received()).toBe(before + 40n);
  });

  it('what is queued for a key without a lane raises an alert', async () => {
    await queue({ sender: payee.address });
    await relayer().tick();
    expect(openAlerts()).toEqual(['sender_not_served']);
  });

  it('a tick with nothing to do does nothing', async () => {
    const report = await relayer().tick();
    expect(report).toMatchObject({ chain: null, lanes: [{ trouble: null, signed: 0, sent: 0, mined: 0 }] });
  });

  it('the loop works by itself and stops', async () => {
    const lane = relayer({ intervalMs: 3_600_000 });
    lane.start();
    const transaction = await queue();
    await expect
      .poll(() => {
        lane.wake();
        return outcome(transaction)?.kind;
      })
      .toBe('mined');
    await lane.stop();
    const asked = rpc.asked.length;
    lane.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect(rpc.asked.length).toBe(asked);
  });
});

describe('after a crash', () => {
  it('between signing and sending, the stored transaction is sent, and no other is signed', async () => {
    const before = await received();
    const transaction = await queue();
    rpc.tell(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'));
    expect((await relayer().tick()).chain).toBe('chain_unavailable');
    const [attempt] = attempts(transaction);
    expect(attempt).toMatchObject({ broadcast_at: null });
    rpc.tell(() => 'pass');
    const next = relayer();
    await next.tick();
    await next.tick();
    expect(attempts(transaction).map(({ hash }) => hash)).toEqual([attempt?.hash]);
    expect(outcome(transaction)).toMatchObject({ kind: 'mined', txHash: attempt?.hash });
    expect(await received()).toBe(before + 1n);
  });

  it('after sending but before noting it, sending again changes nothing', async () => {
    await client.setAutomine(false);
    const before = await received();
    const transaction = await queue();
    // The node takes it; the answer is lost.
    let raw: unknown;
    rpc.tell(({ method, params }) => {
      if (method !== 'eth_sendRawTransaction') return 'pass';
      raw = params[0];
      return 'drop';
    });
    await relayer().tick();
    await client.sendRawTransaction({ serializedTransaction: raw as Hex });
    rpc.tell(() => 'pass');
    const next = relayer();
    expect((await next.tick()).lanes).toMatchObject([{ trouble: null, signed: 0, sent: 1 }]);
    await client.mine({ blocks: 1 });
    await next.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined', succeeded: true });
    expect(await received()).toBe(before + 1n);
  });

  it('two relayers started on one store pay everything once', async () => {
    const before = await received();
    const ids = [];
    for (let index = 0; index < 10; index += 1) ids.push(await queue());
    const [one, two] = [relayer(), relayer()];
    for (let round = 0; round < 4; round += 1) await Promise.all([one.tick(), two.tick()]);
    expect(ids.map((id) => outcome(id)?.kind)).toEqual(Array(10).fill('mined'));
    expect(await received()).toBe(before + 10n);
    expect(await client.getTransactionCount({ address: sender })).toBe(10);
  });

  it('what the node forgot is sent again', async () => {
    await client.setAutomine(false);
    const transaction = await queue();
    const lane = relayer();
    await lane.tick();
    await client.dropTransaction({ hash: attempts(transaction)[0]?.hash ?? '0x' });
    const restarted = relayer();
    expect((await restarted.tick()).lanes).toMatchObject([{ sent: 1, signed: 0 }]);
    await client.mine({ blocks: 1 });
    await restarted.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined' });
  });
});

describe('a stuck transaction', () => {
  it('is replaced under the same nonce with at least an eighth more, and settles once', async () => {
    await client.setAutomine(false);
    const before = await received();
    const id = await payment();
    const transaction = await queue({ paymentIds: [id] });
    const lane = relayer();
    await lane.tick();
    nowMs += 29_999;
    expect((await lane.tick()).lanes).toMatchObject([{ replaced: 0 }]);
    nowMs += 2;
    expect((await lane.tick()).lanes).toMatchObject([{ replaced: 1, trouble: null }]);
    const [second, first] = attempts(transaction);
    expect(BigInt(second?.max_fee_wei ?? 0) * 8n).toBeGreaterThanOrEqual(BigInt(first?.max_fee_wei ?? 0) * 9n);
    expect(BigInt(second?.max_priority_fee_wei ?? 0) * 8n).toBeGreaterThanOrEqual(
      BigInt(first?.max_priority_fee_wei ?? 0) * 9n,
    );
    expect(events('payment.replaced')).toMatchObject([
      { payment: id, data: { replaces: first?.hash, hash: second?.hash } },
    ]);
    await client.mine({ blocks: 1 });
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 0n, txHash: second?.hash });
    expect(await received()).toBe(before + 1n);
    expect(await client.getTransactionCount({ address: sender })).toBe(1);
  });

  it('whose first attempt is mined after all is found by that one', async () => {
    await client.setAutomine(false);
    const transaction = await queue();
    const lane = relayer();
    await lane.tick();
    // The replacement never reaches the pool.
    rpc.tell(({ method }) =>
      method === 'eth_sendRawTransaction'
        ? { error: { code: -32_000, message: 'replacement transaction underpriced' } }
        : 'pass',
    );
    nowMs += 31_000;
    expect((await lane.tick()).lanes).toMatchObject([{ replaced: 1, trouble: null }]);
    await client.mine({ blocks: 1 });
    await lane.tick();
    const [, first] = attempts(transaction);
    expect(outcome(transaction)).toMatchObject({ kind: 'mined', txHash: first?.hash });
  });

  it('is not raised above the cap: it is sent again as it is, and an alert says so', async () => {
    await client.setAutomine(false);
    const transaction = await queue();
    const { baseFeePerGas } = await client.getBlock();
    const maxFee = 2n * (baseFeePerGas ?? 0n) + 10n ** 9n;
    const lane = relayer({ caps: { maxFee, maxPriorityFee: 10n ** 9n } });
    await lane.tick();
    nowMs += 31_000;
    expect((await lane.tick()).lanes).toMatchObject([{ replaced: 0, sent: 1, trouble: { type: 'fees_above_cap' } }]);
    expect(attempts(transaction)).toHaveLength(1);
  });
});

describe('an RPC that fails', () => {
  it.each(['drop', 'hang'] as const)(
    '(%s) leaves the queue as it is; it goes out on return, with one alert in between',
    async (lie) => {
      const transaction = await queue();
      const lane = relayer();
      rpc.tell(() => lie);
      expect((await lane.tick()).chain).toBe('chain_unavailable');
      expect((await lane.tick()).chain).toBe('chain_unavailable');
      expect(outcome(transaction)).toEqual({ kind: 'queued' });
      expect(openAlerts()).toEqual(['chain_unavailable']);
      expect(events('chain.unavailable')).toHaveLength(1);
      rpc.tell(() => 'pass');
      await lane.tick();
      await lane.tick();
      expect(outcome(transaction)).toMatchObject({ kind: 'mined' });
      expect(openAlerts()).toEqual([]);
      expect(events('chain.recovered')).toHaveLength(1);
    },
  );

  it('of another chain gets nothing signed', async () => {
    const transaction = await queue({ chainId: 8453 });
    expect((await relayer({ chainId: 8453 }).tick()).chain).toBe('chain_mismatch');
    expect(attempts(transaction)).toEqual([]);
    expect(openAlerts()).toEqual(['chain_mismatch']);
    expect(rpc.asked).not.toContain('eth_sendRawTransaction');
  });

  it.each([
    ['lower', '0x0'],
    ['higher', '0x9'],
  ])('and states a %s nonce than the one we know gets nothing signed until it agrees', async (_, nonce) => {
    const lane = relayer();
    await queue();
    await lane.tick();
    await lane.tick();
    const transaction = await queue();
    rpc.tell(({ method }) => (method === 'eth_getTransactionCount' ? { result: nonce } : 'pass'));
    expect((await lane.tick()).lanes).toMatchObject([{ trouble: { type: 'chain_inconsistent' }, signed: 0, sent: 0 }]);
    expect(openAlerts()).toEqual(['chain_inconsistent']);
    expect(attempts(transaction)).toEqual([]);
    rpc.tell(() => 'pass');
    await lane.tick();
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 1n });
    expect(openAlerts()).toEqual([]);
  });

  it('and has unknown transactions of the key in its pool gets nothing signed for a key we never used', async () => {
    await queue();
    rpc.tell(({ method, params }) =>
      method === 'eth_getTransactionCount' && params[1] === 'pending' ? { result: '0x3' } : 'pass',
    );
    expect((await relayer().tick()).lanes).toMatchObject([{ trouble: { type: 'chain_inconsistent' }, signed: 0 }]);
  });

  it('and has a receipt of something else is not believed', async () => {
    const transaction = await queue();
    const lane = relayer();
    await lane.tick();
    const receipt = await openChain({ chainId: CHAIN_ID, rpcUrl: anvil.url, token: usdc.address }).run((reader) =>
      reader.request({ method: 'eth_getTransactionReceipt', params: [attempts(transaction)[0]?.hash ?? '0x'] }),
    );
    rpc.tell(({ method }) =>
      method === 'eth_getTransactionReceipt'
        ? { result: { ...receipt, transactionHash: `0x${'9'.repeat(64)}` } }
        : 'pass',
    );
    expect((await lane.tick()).lanes).toMatchObject([{ trouble: { type: 'chain_inconsistent' }, mined: 0 }]);
    expect(outcome(transaction)).toMatchObject({ kind: 'pending' });
    rpc.tell(() => 'pass');
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined' });
  });

  it.each([
    ['nonsense', { result: 'nonsense' }],
    ['null', { result: null }],
    ['an error of its own', { error: { code: -32_603, message: 'internal' } }],
  ])('and answers everything with %s is unavailable, and nothing breaks', async (_, lie) => {
    const transaction = await queue();
    const lane = relayer();
    await lane.tick();
    rpc.tell(({ method }) => (method === 'eth_chainId' ? 'pass' : lie));
    expect((await lane.tick()).chain).toBe('chain_unavailable');
    rpc.tell(() => 'pass');
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined' });
  });

  it('and is behind the block that holds the transaction tells of no reorg', async () => {
    const transaction = await queue();
    const lane = relayer();
    await lane.tick();
    await lane.tick();
    rpc.tell(({ method, params }) =>
      method === 'eth_getBlockByNumber' && params[0] !== 'latest' ? { result: null } : 'pass',
    );
    expect((await lane.tick()).lanes).toMatchObject([{ reorged: 0, trouble: null }]);
    expect(outcome(transaction)).toMatchObject({ kind: 'mined' });
  });

  it('and refuses what it is sent is reported, and the transaction is kept for later', async () => {
    const transaction = await queue();
    rpc.tell(({ method }) =>
      method === 'eth_sendRawTransaction' ? { error: { code: -32_000, message: 'pool is full' } } : 'pass',
    );
    const lane = relayer();
    expect((await lane.tick()).lanes).toMatchObject([{ trouble: { type: 'broadcast_refused' } }]);
    rpc.tell(() => 'pass');
    await lane.tick();
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined' });
    expect(openAlerts()).toEqual([]);
  });
});

describe('a reorg', () => {
  it('that removes the transaction sends it back to pending; it is mined again, once', async () => {
    const before = await received();
    const transaction = await queue();
    const lane = relayer();
    await lane.tick();
    await lane.tick();
    const first = outcome(transaction);
    expect(first?.kind).toBe('mined');
    await client.request({ method: 'anvil_reorg' as never, params: [1, []] as never });
    expect(await received()).toBe(before);
    expect((await lane.tick()).lanes).toMatchObject([{ reorged: 1, trouble: null, signed: 0, sent: 1 }]);
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 0n });
    expect(outcome(transaction)).not.toEqual(first);
    expect(await received()).toBe(before + 1n);
  });
});

describe('what must not be signed', () => {
  it('a call that the contract refuses is dropped with its revert data and leaves no gap', async () => {
    const refused = await queue({ data: transferData(2_000_000n) });
    const good = await queue();
    const lane = relayer();
    expect((await lane.tick()).lanes).toMatchObject([{ dropped: 1, signed: 1 }]);
    await lane.tick();
    expect(outcome(refused)).toMatchObject({ kind: 'dropped', reason: 'refused' });
    expect(outcome(refused)).toMatchObject({ detail: expect.stringMatching(/^0x08c379a0/) });
    expect(outcome(good)).toMatchObject({ kind: 'mined', nonce: 0n });
  });

  it('a refusal waits while an earlier transaction is on its way that may lift it', async () => {
    await client.setAutomine(false);
    const other = `0x${'7'.padStart(64, '0')}` as const;
    const to = await memoryKeys(new Map([['other', other]])).address('other');
    await queue({ data: transferData(1_000_000n, to) });
    const refused = await queue({ data: transferData(2_000_000n) });
    const lane = relayer();
    await lane.tick();
    await lane.tick();
    expect(outcome(refused)).toEqual({ kind: 'queued' });
    await client.mine({ blocks: 1 });
    await lane.tick();
    expect(outcome(refused)).toMatchObject({ kind: 'dropped' });
  });

  it('a call to an address without code is dropped: it would succeed and do nothing', async () => {
    const transaction = await queue({ to: payee.address });
    await relayer().tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'dropped', reason: 'no_contract' });
  });

  it('one that depends on another waits until that one is mined, and falls with it', async () => {
    await client.setAutomine(false);
    const first = await queue();
    const second = await queue({ dependsOn: first });
    const failing = await queue({ data: transferData(5n, zeroAddress) });
    const third = await queue({ dependsOn: failing });
    const lane = relayer();
    await lane.tick();
    expect(outcome(second)).toEqual({ kind: 'queued' });
    for (let round = 0; round < 3; round += 1) {
      await client.mine({ blocks: 1 });
      await lane.tick();
    }
    expect(outcome(second)).toMatchObject({ kind: 'mined' });
    expect(outcome(failing)).toMatchObject({ kind: 'dropped', reason: 'refused' });
    expect(outcome(third)).toMatchObject({ kind: 'dropped', reason: 'dependency_failed' });
  });

  it('one that was withdrawn while queued; once signed it can not be withdrawn', async () => {
    const id = await payment();
    const withdrawn = await queue({ paymentIds: [id] });
    expect(await store.write((tx) => withdrawTransaction(tx, withdrawn))).toBe(true);
    const signed = await queue({ paymentIds: [id] });
    await relayer().tick();
    expect(await store.write((tx) => withdrawTransaction(tx, signed))).toBe(false);
    expect(store.read((tx) => outcomesOfPayment(tx, id))).toMatchObject([
      { transactionId: signed, outcome: { kind: 'pending' } },
      { transactionId: withdrawn, outcome: { kind: 'dropped', reason: 'withdrawn' } },
    ]);
  });

  it('anything while the base fee is above the cap', async () => {
    const transaction = await queue();
    const lane = relayer({ caps: { maxFee: 1n, maxPriorityFee: 1n } });
    expect((await lane.tick()).lanes).toMatchObject([{ trouble: { type: 'fees_above_cap' }, signed: 0 }]);
    expect(outcome(transaction)).toEqual({ kind: 'queued' });
  });
});

describe('money for gas', () => {
  it('too little of it raises an alert, signs nothing, and goes on when there is some', async () => {
    await client.setBalance({ address: sender, value: 1_000n });
    const transaction = await queue();
    const lane = relayer();
    expect((await lane.tick()).lanes).toMatchObject([{ trouble: { type: 'insufficient_gas' }, signed: 0 }]);
    expect(openAlerts()).toEqual(['insufficient_gas']);
    expect(attempts(transaction)).toEqual([]);
    await client.setBalance({ address: sender, value: 10n ** 18n });
    await lane.tick();
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined' });
    expect(openAlerts()).toEqual([]);
  });

  it('that went away after signing keeps the stored transaction for later', async () => {
    const transaction = await queue();
    rpc.tell(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'));
    await relayer().tick();
    rpc.tell(() => 'pass');
    await client.setBalance({ address: sender, value: 1_000n });
    const lane = relayer();
    expect((await lane.tick()).lanes).toMatchObject([{ trouble: { type: 'insufficient_gas' } }]);
    await client.setBalance({ address: sender, value: 10n ** 18n });
    await lane.tick();
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined' });
    expect(attempts(transaction)).toHaveLength(1);
  });
});

describe('a key that was used elsewhere', () => {
  it('takes our nonce: the transaction is dropped once that is final, and the next one gets a free nonce', async () => {
    const account = (await import('viem/accounts')).privateKeyToAccount(key);
    const transaction = await queue();
    rpc.tell(({ method }) => (method === 'eth_sendRawTransaction' ? 'drop' : 'pass'));
    await relayer().tick();
    await client.sendTransaction({ account, to: payee.address, value: 1n, nonce: 0 });
    rpc.tell(() => 'pass');
    const lane = relayer();
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'pending' });
    await client.mine({ blocks: 20 });
    await lane.tick();
    expect(outcome(transaction)).toEqual({ kind: 'dropped', reason: 'nonce_taken', detail: null });
    const again = await queue();
    await lane.tick();
    await lane.tick();
    expect(outcome(again)).toMatchObject({ kind: 'mined', nonce: 1n });
  });

  it('is taken over only when an operator says so', async () => {
    const account = (await import('viem/accounts')).privateKeyToAccount(key);
    const lane = relayer();
    await queue();
    await lane.tick();
    await lane.tick();
    await client.sendTransaction({ account, to: payee.address, value: 1n });
    const transaction = await queue();
    expect((await lane.tick()).lanes).toMatchObject([{ trouble: { type: 'chain_inconsistent' } }]);
    await store.write((tx) => adoptNonce(tx, { chainId: CHAIN_ID, sender }, 2n, nowMs));
    await lane.tick();
    await lane.tick();
    expect(outcome(transaction)).toMatchObject({ kind: 'mined', nonce: 2n });
  });
});
