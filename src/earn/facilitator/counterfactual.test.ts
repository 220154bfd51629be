import type { PaymentPayload } from '@x402/core/types';
import { type Address, type Hex, serializeErc6492Signature } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Desk, openScene, requirementsFor, type Scene, SELLER } from '../../../test/support/paymentScene.ts';
import { devAccounts } from '../../app/local-chain/accounts.ts';
import { sendInOrder } from '../../app/local-chain/client.ts';
import { examplePayment } from '../../app/local-chain/examplePayment.ts';
import { announceCall, createWalletCall } from '../../chain/contracts/agentWallet.ts';
import { approvedTransferFromReservation } from '../../chain/contracts/approvedTransfer.ts';
import { signPurseAuthorization } from '../../chain/contracts/purse.ts';
import { predictAddresses, saltOf, walletConfig } from '../../chain/contracts/walletConfig.ts';
import { environmentKeys } from '../../chain/keys/keys.ts';
import { newId } from '../../core/ids/ids.ts';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { query } from '../../store/statement.ts';

let scene: Scene;
let desk: Desk;
beforeAll(async () => {
  scene = await openScene();
  desk = await scene.desk();
});
afterAll(async () => {
  await desk.stop();
  await scene.stop();
});
const PRICE = 10_000n;

/** A purse with money and without code, and what it signs: wrapped as ERC-6492 asks, with the call that deploys it. */
async function counterfactual(factory?: Address): Promise<{ purse: Address; payload: PaymentPayload }> {
  const executorKey = generatePrivateKey();
  const keys = environmentKeys({ BURSAR_KEY_EXECUTOR: executorKey });
  const [, , owner, guardian] = devAccounts;
  const config = walletConfig({
    agentId: newId('agent'),
    owner: owner.address,
    guardian: guardian.address,
    executor: privateKeyToAccount(executorKey).address,
  });
  const at = predictAddresses(scene.local.factory, config);
  await scene.local.mint(at.purse, microUsdc(PRICE));
  const nowS = Number((await scene.local.client.getBlock()).timestamp);
  const payment = examplePayment({
    address: SELLER,
    kind: 'purchase',
    rail: 'x402',
    walletNonce: null,
    amount: microUsdc(PRICE),
  });
  const signed = await signPurseAuthorization(approvedTransferFromReservation(payment, at), {
    keys,
    role: 'executor',
    chain: scene.chain,
    domain: scene.domain,
    nowS,
    validBeforeS: nowS + 120,
    epoch: 0,
  });
  await sendInOrder(scene.local.client, scene.local.owner, [announceCall(scene.local.factory, saltOf(config))]);
  const { to, data } = createWalletCall(scene.local.factory, config);
  const signature: Hex = serializeErc6492Signature({ address: factory ?? to, data, signature: signed.signature });
  const accepted = requirementsFor(scene, PRICE);
  const payload = { authorization: signed.authorization, signature };
  return { purse: at.purse, payload: { x402Version: 2, accepted, payload } };
}
const sent = () => desk.store.read((tx) => tx.all(query((db) => db.selectFrom('transactions').select('purpose'))));

describe('a purse that is not deployed yet (ERC-6492)', () => {
  it('is not deployed through a factory that is not Bursar’s: nothing is sent', async () => {
    const { payload } = await counterfactual('0x000000000000000000000000000000000000bad5');
    const requirements = requirementsFor(scene, PRICE);
    expect(await desk.facilitator.verify(payload, requirements)).toMatchObject({
      isValid: false,
      invalidReason: expect.stringContaining('factory_not_allowed'),
    });
    expect(await desk.facilitator.settle(payload, requirements)).toMatchObject({ success: false, transaction: '' });
    expect(await sent()).toEqual([]);
  });

  it('is deployed by the relayer’s sender queue and pays, the one after the other', async () => {
    const { purse, payload } = await counterfactual();
    const requirements = requirementsFor(scene, PRICE);
    expect(await desk.facilitator.verify(payload, requirements)).toMatchObject({ isValid: true, payer: purse });
    expect(await desk.facilitator.settle(payload, requirements)).toMatchObject({ success: true });
    expect(await scene.transfers(purse)).toHaveLength(1);
    expect((await sent()).map(({ purpose }) => purpose)).toEqual([`x402_deploy:${purse}`, `x402_settle:${purse}`]);
  });

  it('is not deployed for one new payer after another without end', async () => {
    const small = await scene.desk({ gasPerPayerPerDay: 1_000_000n });
    const requirements = requirementsFor(scene, PRICE);
    expect(await small.facilitator.settle((await counterfactual()).payload, requirements)).toMatchObject({
      success: true,
    });
    const { payload } = await counterfactual();
    const capped = 'payer_gas_cap_reached';
    expect(await small.facilitator.verify(payload, requirements)).toMatchObject({ invalidReason: capped });
    expect(await small.facilitator.settle(payload, requirements)).toMatchObject({ errorReason: capped });
    const buyer = await scene.buyer(PRICE);
    expect(await small.facilitator.settle(await buyer.pay(requirements), requirements)).toMatchObject({
      success: true,
    });
    await small.stop();
  });
});
