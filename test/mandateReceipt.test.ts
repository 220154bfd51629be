import {
  concat,
  encodeFunctionData,
  erc20Abi,
  getContractAddress,
  type Hex,
  keccak256,
  pad,
  parseEventLogs,
  toEventSelector,
  toHex,
} from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { agentWalletAbi } from '../src/chain/contracts/contracts.generated.ts';
import { keyAccount } from '../src/chain/keys/keyAccount.ts';
import type { Receipt } from '../src/chain/receipt/receipt.ts';
import { verifyReceipt } from '../src/chain/receipt/verify.ts';
import { sha256 } from '../src/core/ids/digest.ts';
import { mandateTypes } from '../src/decide/mandates/typedData.ts';
import { decisionHashOf } from '../src/decide/policy/decision.ts';
import { replay } from '../src/decide/policy/replay.ts';
import { startTestServer, type TestServer } from './support/testServer.ts';

let server: TestServer;
let receipt: Receipt;
const usdc = (value: string) => ({ value, currency: 'USDC' });

beforeAll(async () => {
  server = await startTestServer();
  const { operator, keys } = server;
  const agent = await server.agent('mandated', '60');
  const address = privateKeyToAccount(generatePrivateKey()).address;
  await operator.call('create_payee', {
    name: 'Host',
    kind: 'merchant',
    categories: ['contractor'],
    address,
    verified: true,
  });
  const approver = await keys.address('approver');
  await operator.call('create_approver', { name: 'Ada', address: approver, roles: ['finance'] });
  const asked = await agent.client.call('request_mandate', {
    payees: ['Host'],
    per_payment: usdc('30.00'),
    total: usdc('60.00'),
    expires_at: '2027-12-01T00:00:00Z',
    reason: 'hosting',
  });
  const { typed_data } = await operator.call('get_mandate', { id: asked.id });
  const signature = await keys.signTypedData('approver', typed_data as Parameters<typeof keys.signTypedData>[1]);
  await operator.call('sign_mandate', { id: asked.id, approver, signature });
  const payment = await agent.client.call(
    'pay',
    { payee: 'Host', amount: usdc('28.00') },
    { idempotencyKey: 'mandated-1' },
  );
  expect(payment).toMatchObject({ state: 'authorized', mandate: asked.id });
  await server.until(String(payment.id), ['settled', 'final']);
  receipt = (await operator.call('get_receipt', { id: payment.id })) as Receipt;
});
afterAll(() => server.end());

const verify = (changed: Receipt) => verifyReceipt(changed, server.rpcUrl);
const failed = async (changed: Receipt) =>
  (await verify(changed)).findings.filter(({ ok }) => !ok).map(({ check }) => check);
/** The receipt with its first signature's stored data changed. */
function withSigned(
  change: (data: { domain: Record<string, unknown>; message: Record<string, unknown> }) => void,
): Receipt {
  const copy = structuredClone(receipt);
  const first = copy.mandate?.signatures[0];
  if (!first) throw new Error('The receipt has no mandate.');
  const data = JSON.parse(first.typed_data);
  change(data);
  first.typed_data = JSON.stringify(data);
  return copy;
}

describe('the receipt of a payment under a mandate', () => {
  it('is verified with the signatures of the people who gave it', async () => {
    expect(await failed(receipt)).toEqual([]);
  });

  it('fails where the terms are others than were signed, or do not cover the payment', async () => {
    const wider = withSigned(({ message }) => {
      message.perPayment = '31000000';
    });
    const narrower = withSigned(({ message }) => {
      message.perPayment = '27000000';
    });
    for (const changed of [wider, narrower])
      expect(await failed(changed)).toEqual([expect.stringContaining('mandate signed by')]);
  });

  it('fails where somebody else signed, where nobody did, and where it cannot be read', async () => {
    const other = structuredClone(receipt);
    if (other.mandate?.signatures[0])
      other.mandate.signatures[0].approver = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
    const broken = structuredClone(receipt);
    if (broken.mandate?.signatures[0]) broken.mandate.signatures[0].typed_data = '{';
    for (const changed of [other, broken])
      expect(await failed(changed)).toEqual([expect.stringContaining('mandate signed by')]);
    expect(await failed({ ...receipt, mandate: null })).toEqual(['mandate']);
  });
});

describe('a forged receipt', () => {
  const id = 'pay_01k3x7gq5nf8b9c2v4m6t0w1yz';
  const digest = (): Hex => `0x${receipt.policy_digest.slice('sha256:'.length)}`;

  it('of a token that is not the wallet’s own fails: anybody can emit the logs', async () => {
    const { local } = server;
    const { address, amount_micro } = receipt.payment;
    const [purse, payee] = [receipt.chain.purse as Hex, address as Hex];
    const chain_key = keccak256(toHex(id));
    const nonce = keccak256(concat([chain_key, digest(), receipt.decision_hash as Hex, pad('0x00')]));
    // A constructor that does nothing but log, as USDC would: AuthorizationUsed, then the Transfer.
    const push = (word: Hex): Hex => concat(['0x7f', pad(word)]);
    const code = concat([
      push(nonce),
      push(purse),
      push(toEventSelector('AuthorizationUsed(address,bytes32)')),
      '0x5f5fa3',
      push(toHex(BigInt(amount_micro))),
      '0x5f52',
      push(payee),
      push(purse),
      push(toEventSelector('Transfer(address,address,uint256)')),
      '0x60205fa3',
    ]);
    const forger = await keyAccount(server.keys, 'treasury');
    const count = await local.client.getTransactionCount({ address: forger.address });
    const [hash = '0x'] = await sendInOrder(local.client, forger, [{ data: code }]);
    const mined = await local.client.getTransactionReceipt({ hash });
    const forged: Receipt = {
      ...receipt,
      payment: { ...receipt.payment, id, chain_key, rail: 'x402', epoch: 0 },
      chain: { ...receipt.chain, token: getContractAddress({ from: forger.address, nonce: BigInt(count) }) },
      settlement: {
        tx_hash: hash,
        log_index: mined.logs[1]?.logIndex ?? 0,
        block_hash: mined.blockHash,
        block_number: mined.blockNumber.toString(),
      },
    };
    expect(await failed(forged)).toEqual(['decision 1: subject', 'token and purse']);
  });

  it('by anyone who has the server’s key, who tells the policy of an approval that nobody gave, fails', async () => {
    const { local, keys } = server;
    const decision = receipt.decisions[0];
    if (!decision) throw new Error('The receipt has no decision.');
    const input = JSON.parse(decision.input);
    input.mandate = null;
    input.approvals = [
      { approver_id: 'apr_x', address: await keys.address('approver'), roles: ['finance'], is_sponsor: false },
    ];
    const text = JSON.stringify(input);
    const again = await replay(receipt.bundles[receipt.policy_digest] ?? '', text);
    expect(again.decision.effect).toBe('allow');
    const decisionHash = decisionHashOf(again.digest, sha256(text), again.resultHash);
    const chain_key = keccak256(toHex(id));
    const { wallet, token } = receipt.chain;
    const [payee, amount] = [receipt.payment.address as Hex, BigInt(receipt.payment.amount_micro)];
    const [hash = '0x'] = await sendInOrder(local.client, await keyAccount(keys, 'executor'), [
      {
        to: wallet as Hex,
        data: encodeFunctionData({
          abi: agentWalletAbi,
          functionName: 'pay',
          args: [chain_key, payee, amount, 9_999n, digest(), decisionHash as Hex],
        }),
      },
    ]);
    const mined = await local.client.getTransactionReceipt({ hash });
    const [transfer] = parseEventLogs({ abi: erc20Abi, eventName: 'Transfer', logs: mined.logs });
    const forged: Receipt = {
      ...receipt,
      payment: { ...receipt.payment, id, chain_key },
      chain: { ...receipt.chain, token },
      settlement: {
        tx_hash: hash,
        log_index: transfer?.logIndex ?? 0,
        block_hash: mined.blockHash,
        block_number: mined.blockNumber.toString(),
      },
      decision_hash: decisionHash,
      decisions: [{ ...decision, hash: decisionHash, input: text, result: again.resultText, effect: 'allow' }],
      mandate: null,
    };
    expect(await failed(forged)).toEqual(['decision 1: approvals']);
  });

  it('whose input names a thing twice fails: readers may differ on which counts', async () => {
    const copy = structuredClone(receipt);
    const [decision] = copy.decisions;
    if (decision) decision.input = decision.input.replace(/^\{/, '{"mandate":null,');
    expect(await failed(copy)).toContain('decision 1: subject');
  });

  it('under a mandate for another payee, category, host or time fails', async () => {
    for (const change of [
      { payees: ['pye_01k3x7gq5nf8b9c2v4m6t0w1yz'] },
      { categories: ['ocr'] },
      { hosts: ['a.example'] },
      { expires: '1' },
      { notBefore: '4102444800' },
    ]) {
      const message = { ...JSON.parse(receipt.mandate?.signatures[0]?.typed_data ?? '{}').message, ...change };
      const copy = structuredClone(receipt);
      const first = copy.mandate?.signatures[0];
      if (!first) throw new Error('The receipt has no mandate.');
      first.typed_data = JSON.stringify({ message });
      // Signed by the approver indeed: only the terms do not cover this payment.
      first.signature = await server.keys.signTypedData('approver', {
        domain: { name: 'Bursar', version: '1', chainId: receipt.chain.id },
        types: mandateTypes,
        primaryType: 'Mandate',
        message,
      });
      expect(await failed(copy), JSON.stringify(change)).toEqual([expect.stringContaining('mandate signed by')]);
    }
  });
});
