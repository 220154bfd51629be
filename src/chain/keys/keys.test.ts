import { keccak256, parseTransaction, recoverTypedDataAddress, toHex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { expect, it } from 'vitest';
import { environmentKeys, layeredKeys } from './keys.ts';

const key = generatePrivateKey();
const { address } = privateKeyToAccount(key);

it('environment keys are named by role, dashes as underscores', async () => {
  const keys = environmentKeys({ BURSAR_KEY_APPROVER_ADA: key, PATH: '/bin', BURSAR_KEY_OWNER: '' });
  expect(await keys.roles()).toEqual(['approver-ada']);
  expect(await keys.address('approver-ada')).toBe(address);
});

it.each([
  ['too short', key.slice(0, 60)],
  ['no hex', 'password'],
  ['zero', `0x${'0'.repeat(64)}`],
  ['above the curve order', `0x${'f'.repeat(64)}`],
])('a malformed key (%s) is refused without being quoted', (_, value) => {
  const open = () => environmentKeys({ BURSAR_KEY_OWNER: value });
  expect(open).toThrow(/owner/);
  expect(open).not.toThrow(new RegExp(value.slice(2, 20)));
});

it('a role without a key is not configured', async () => {
  await expect(environmentKeys({}).address('owner')).rejects.toMatchObject({ code: 'not_configured' });
});

it('signs transactions and typed data with the key of the role', async () => {
  const keys = environmentKeys({ BURSAR_KEY_OWNER: key });
  const raw = await keys.signTransaction('owner', {
    chainId: 1,
    nonce: 7,
    gas: 21_000n,
    maxFeePerGas: 1n,
    to: address,
  });
  expect(parseTransaction(raw)).toMatchObject({ chainId: 1, nonce: 7 });
  const typedData = {
    domain: { name: 'Bursar' },
    types: { Note: [{ name: 'text', type: 'string' }] },
    primaryType: 'Note',
    message: { text: 'hello' },
  } as const;
  const signature = await keys.signTypedData('owner', typedData);
  expect(await recoverTypedDataAddress({ ...typedData, signature })).toBe(address);
});

it('layers ask the first provider that holds the role', async () => {
  const other = generatePrivateKey();
  const keys = layeredKeys(
    environmentKeys({ BURSAR_KEY_OWNER: key }),
    environmentKeys({ BURSAR_KEY_OWNER: other, BURSAR_KEY_GUARDIAN: other }),
  );
  expect(await keys.roles()).toEqual(['guardian', 'owner']);
  expect(await keys.address('owner')).toBe(address);
  expect(await keys.address('guardian')).toBe(privateKeyToAccount(other).address);
});

it('signs a digest at once just as it signs it later, and not for a role whose key may be elsewhere', async () => {
  const keys = environmentKeys({ BURSAR_KEY_OWNER: key });
  for (let i = 0; i < 50; i += 1) {
    const digest = keccak256(toHex(i));
    expect(keys.signDigestNow?.('owner', digest)).toBe(await keys.signDigest('owner', digest));
  }
  expect(keys.signDigestNow?.('guardian', keccak256('0x'))).toBeNull();
  expect(keys.signDigestNow?.('owner', '0x1234')).toBeNull();
  const { signDigestNow: _none, ...elsewhere } = environmentKeys({ BURSAR_KEY_OWNER: generatePrivateKey() });
  expect(layeredKeys(elsewhere, keys).signDigestNow?.('owner', keccak256('0x'))).toBeNull();
  expect(layeredKeys(keys, elsewhere).signDigestNow?.('owner', keccak256('0x'))).not.toBeNull();
});
