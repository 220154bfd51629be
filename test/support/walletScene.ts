import type { Address } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { devAccounts } from '../../src/app/local-chain/accounts.ts';
import { sendInOrder } from '../../src/app/local-chain/client.ts';
import { EXAMPLE_POLICY_DIGEST, examplePayment } from '../../src/app/local-chain/examplePayment.ts';
import { type LocalChain, startLocalChain } from '../../src/app/local-chain/localChain.ts';
import { type Call, createWalletCall } from '../../src/chain/contracts/agentWallet.ts';
import { approvedTransferFromReservation, policyDigestOnChain } from '../../src/chain/contracts/approvedTransfer.ts';
import { explainRevert } from '../../src/chain/contracts/reverts.ts';
import {
  predictAddresses,
  type WalletAddresses,
  type WalletConfig,
  walletConfig,
} from '../../src/chain/contracts/walletConfig.ts';
import { type Chain, openChain } from '../../src/chain/node/chain.ts';
import { refusalIn } from '../../src/chain/node/nodeAnswers.ts';
import { newId } from '../../src/core/ids/ids.ts';
import { microUsdc } from '../../src/core/money/microUsdc.ts';
import type { Payment } from '../../src/decide/payments/payment.ts';

export const [, , owner, guardian, approverA, approverB, payee, outsider] = devAccounts;
export const executorKey = generatePrivateKey();
export const executor = privateKeyToAccount(executorKey);
/** The policy that the registry has. */
export const digest = policyDigestOnChain(EXAMPLE_POLICY_DIGEST);

type Sender = Parameters<typeof sendInOrder>[1];

/**
 * An agent's wallet on a chain of its own: a chain for each file, and for each test the config of a new wallet, which stands
 * after `deployed` with 100 USDC. To be called once, at the top of a test file.
 */
export function walletScene() {
  let local: LocalChain;
  let chain: Chain;
  let config: WalletConfig;
  let at: WalletAddresses;

  beforeAll(async () => {
    local = await startLocalChain({ owner, deployers: [executor.address], policyDigest: digest });
    chain = openChain({ chainId: 31_337, rpcUrl: local.anvil.url, token: local.usdc.address });
    await local.fundGas([executor.address]);
  });
  afterAll(() => local.stop());
  beforeEach(() => {
    config = walletConfig({
      agentId: newId('agent'),
      owner: owner.address,
      guardian: guardian.address,
      executor: executor.address,
      approvers: [approverA.address, approverB.address],
      threshold: 2,
      perPayment: microUsdc(10_000_000n),
      perPeriod: microUsdc(50_000_000n),
    });
    at = predictAddresses(local.factory, config);
  });

  return {
    get local() {
      return local;
    },
    get chain() {
      return chain;
    },
    get config() {
      return config;
    },
    get at() {
      return at;
    },
    async deployed(): Promise<void> {
      await sendInOrder(local.client, owner, [createWalletCall(local.factory, config)]);
      await local.mint(at.wallet, microUsdc(100_000_000n));
    },
    send: (account: Sender, ...calls: Call[]) => sendInOrder(local.client, account, calls),
    transfer: (changes: Partial<Payment> = {}) =>
      approvedTransferFromReservation(examplePayment({ address: payee.address, ...changes }), at),
    /** Why the contract refuses the call, by name and figures. */
    async refusal(from: Address, call: Call) {
      const error = await local.client.call({ account: from, ...call }).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      return explainRevert(refusalIn(error)?.data ?? null);
    },
  };
}
