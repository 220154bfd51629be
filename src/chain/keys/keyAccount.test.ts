import { parseTransaction, recoverTypedDataAddress, type TypedDataDefinition } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { expect, it } from 'vitest';
import { keyAccount } from './keyAccount.ts';
import { memoryKeys } from './keys.ts';

const key = generatePrivateKey();
const keys = memoryKeys(new Map([['owner', key]]));

it('signs as the key does', async () => {
  const account = await keyAccount(keys, 'owner');
  expect(account.address).toBe(privateKeyToAccount(key).address);
  const raw = await account.signTransaction({ type: 'eip1559', chainId: 5, nonce: 2, maxFeePerGas: 3n, gas: 21_000n });
  expect(parseTransaction(raw)).toMatchObject({ chainId: 5, nonce: 2 });
  const typedData: TypedDataDefinition = {
    domain: {},
    types: { Note: [{ name: 'text', type: 'string' }] },
    primaryType: 'Note',
    message: { text: 'x' },
  };
  const signature = await account.signTypedData(typedData);
  expect(await recoverTypedDataAddress({ ...typedData, signature })).toBe(account.address);
});

it('signs neither a transaction without a chain nor a legacy one, nor plain messages', async () => {
  const account = await keyAccount(keys, 'owner');
  await expect(account.signTransaction({ type: 'eip1559', maxFeePerGas: 1n } as never)).rejects.toMatchObject({
    code: 'invalid_request',
  });
  await expect(account.signTransaction({ type: 'legacy', gasPrice: 1n, chainId: 1 })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  await expect(account.signMessage({ message: 'hello' })).rejects.toMatchObject({ code: 'not_configured' });
});
