import { generatePrivateKey } from 'viem/accounts';
import { beforeAll, beforeEach } from 'vitest';
import { examplePayment } from '../../src/app/local-chain/examplePayment.ts';
import { payCall } from '../../src/chain/contracts/agentWallet.ts';
import { approvedTransferFromReservation } from '../../src/chain/contracts/approvedTransfer.ts';
import { signPurseAuthorization } from '../../src/chain/contracts/purse.ts';
import { readTokenDomain, type TokenDomain } from '../../src/chain/contracts/tokenDomain.ts';
import { environmentKeys } from '../../src/chain/keys/keys.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import type { Payment } from '../../src/decide/payments/payment.ts';
import { executor, executorKey, payee as seller, walletScene } from './walletScene.ts';

export { executor, guardian, outsider, payee as seller } from './walletScene.ts';

const keys = environmentKeys({ BURSAR_KEY_EXECUTOR: executorKey, BURSAR_KEY_OTHER: generatePrivateKey() });

/** For each test a wallet whose purse was topped up with 5 USDC by a payment. To be called once, at the top of a test file. */
export function purseScene() {
  const wallet = walletScene();
  let domain: TokenDomain;
  let nowS: number;

  beforeAll(async () => {
    domain = await readTokenDomain(wallet.chain);
  });
  beforeEach(async () => {
    await wallet.deployed();
    const topUp = { address: wallet.at.purse, kind: 'top_up', amount: microUsdc(5_000_000n) } as const;
    await wallet.send(executor, payCall(wallet.transfer(topUp)));
    nowS = Number((await wallet.local.client.getBlock()).timestamp);
  });

  const purchase = (changes: Partial<Payment> = {}) =>
    approvedTransferFromReservation(
      examplePayment({ address: seller.address, kind: 'purchase', rail: 'x402', walletNonce: null, ...changes }),
      wallet.at,
    );
  return {
    get local() {
      return wallet.local;
    },
    get chain() {
      return wallet.chain;
    },
    get at() {
      return wallet.at;
    },
    get domain() {
      return domain;
    },
    /** The chain's time when the test began, in seconds. */
    get nowS() {
      return nowS;
    },
    send: wallet.send,
    purchase,
    sign: (transfer = purchase(), changes: { validBeforeS?: number; role?: string; epoch?: number } = {}) =>
      signPurseAuthorization(transfer, {
        keys,
        role: 'executor',
        chain: wallet.chain,
        domain,
        nowS,
        validBeforeS: nowS + 60,
        epoch: 0,
        ...changes,
      }),
  };
}
