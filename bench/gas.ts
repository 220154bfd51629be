import { type Address, encodeFunctionData, erc20Abi, type Hex, keccak256, toHex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { devAccounts } from '../src/app/local-chain/accounts.ts';
import { type DevTransaction, sendInOrder } from '../src/app/local-chain/client.ts';
import { EXAMPLE_POLICY_DIGEST, examplePayment } from '../src/app/local-chain/examplePayment.ts';
import { type LocalChain, startLocalChain } from '../src/app/local-chain/localChain.ts';
import { createWalletCall, payBatchCall, payCall } from '../src/chain/contracts/agentWallet.ts';
import {
  type ApprovedTransfer,
  approvedTransferFromReservation,
  policyDigestOnChain,
} from '../src/chain/contracts/approvedTransfer.ts';
import { predictAddresses, walletConfig } from '../src/chain/contracts/walletConfig.ts';
import { newId } from '../src/core/ids/ids.ts';
import { microUsdc } from '../src/core/money/microUsdc.ts';
import { type Figure, median, type Say } from './figure.ts';
import { safeGas, userOperationGas } from './gasPeers.ts';
import { settleFromKey, settleFromPurse } from './gasPurchase.ts';

const SAMPLES = 20;
const BATCH = 50;
const BATCHES = 5;

/**
 * Gas of a payment against a plain USDC `transfer`, and of an x402 purchase from the purse against the same from a bare key, beside the
 * peers that npm ships, on one local chain with Circle's contract, a wallet of the factory's and the registry on. Steady state:
 * receivers that hold USDC, senders that keep some, a wallet that has paid in this period.
 */
export async function gas(say: Say): Promise<Figure[]> {
  const [, , owner, holder] = devAccounts;
  const executor = privateKeyToAccount(generatePrivateKey());
  const local = await startLocalChain({ owner, policyDigest: policyDigestOnChain(EXAMPLE_POLICY_DIGEST) });
  try {
    await local.fundGas([executor.address]);
    const config = walletConfig({
      agentId: newId('agent'),
      owner: owner.address,
      guardian: owner.address,
      executor: executor.address,
    });
    const at = predictAddresses(local.factory, config);
    await sendInOrder(local.client, owner, [createWalletCall(local.factory, config)]);
    const receivers = Array.from({ length: BATCH }, () => privateKeyToAccount(generatePrivateKey()).address);
    for (const address of [at.wallet, holder.address, ...receivers]) {
      await local.mint(address, microUsdc(1_000_000_000n));
    }
    let made = 0;
    const next = (): ApprovedTransfer => {
      const nonce = BigInt(made);
      const address = receivers[made % receivers.length] ?? holder.address;
      made += 1;
      return approvedTransferFromReservation(examplePayment({ address, walletNonce: nonce }), at);
    };
    const purchases = async (): Promise<{ key: number; purse: number }> => {
      const key = privateKeyToAccount(generatePrivateKey());
      for (const address of [key.address, at.purse]) await local.mint(address, microUsdc(1_000_000_000n));
      const purchase = (index: number) => ({
        to: receivers[index] ?? owner.address,
        value: 1_000_000n,
        paymentId: keccak256(toHex(`purchase ${index}`)),
        policyDigest: policyDigestOnChain(EXAMPLE_POLICY_DIGEST),
        decisionHash: keccak256(toHex(`decision ${index}`)),
      });
      const indexes = Array.from({ length: SAMPLES }, (_, index) => index);
      const bare = await Promise.all(indexes.map((index) => settleFromKey({ local, key }, purchase(index))));
      const buyer = { local, key: executor };
      const pursed = await Promise.all(indexes.map((index) => settleFromPurse(buyer, at.purse, purchase(index))));
      return { key: median(await gasOf(local, holder, bare)), purse: median(await gasOf(local, holder, pursed)) };
    };
    // The first payment opens the period's counter.
    await gasOf(local, executor, [payCall(next())]);
    const single = await gasOf(
      local,
      executor,
      Array.from({ length: SAMPLES }, () => payCall(next())),
    );
    const batches = await gasOf(
      local,
      executor,
      Array.from({ length: BATCHES }, () => payBatchCall(Array.from({ length: BATCH }, next))),
    );
    const plain = await gasOf(
      local,
      holder,
      Array.from({ length: SAMPLES }, (_, index) =>
        transferCall(local.usdc.address, receivers[index] ?? owner.address),
      ),
    );
    const bought = await purchases();
    const transfers = receivers.map((to) => transferCall(local.usdc.address, to));
    const peers = { local, payer: holder, transfers };
    const [operations, safe] = [await userOperationGas(peers), await safeGas(peers)];
    const [transfer, pay, batched] = [median(plain), median(single), median(batches) / BATCH];
    say(`a plain transfer ${transfer} gas, pay ${pay}, payBatch of ${BATCH} ${batched} a payment`);
    say(`an x402 purchase from a bare key ${bought.key}, from the purse ${bought.purse}`);
    say(
      `a transfer by SimpleAccount ${operations.single}, each of ten in a bundle ${operations.bundled}, by a Safe ${safe}`,
    );
    const numbers = { transfer_gas: transfer, pay_gas: pay, pay_batch50_gas_per_payment: batched };
    const peerNumbers = {
      simple_account_gas: operations.single,
      simple_account_bundle10_gas: operations.bundled,
      safe_exec_gas: safe,
    };
    return [
      { figure: 'pay_over_transfer', ratio: pay / transfer, goal: '<=1.47', numbers: { ...numbers, ...peerNumbers } },
      { figure: 'pay_batch50_over_transfer', ratio: batched / transfer, goal: '<=0.37', numbers },
      {
        figure: 'x402_purchase_over_eoa',
        ratio: bought.purse / bought.key,
        goal: '<=1.22',
        numbers: { eoa_purchase_gas: bought.key, purse_purchase_gas: bought.purse },
      },
    ];
  } finally {
    await local.stop();
  }
}

function transferCall(token: Address, to: Address): DevTransaction {
  return { to: token, data: encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [to, 1_000_000n] }) };
}

async function gasOf(
  local: LocalChain,
  account: Parameters<typeof sendInOrder>[1],
  calls: readonly DevTransaction[],
): Promise<number[]> {
  const hashes: Hex[] = await sendInOrder(local.client, account, calls);
  const receipts = await Promise.all(hashes.map((hash) => local.client.getTransactionReceipt({ hash })));
  return receipts.map(({ gasUsed }) => Number(gasUsed));
}
