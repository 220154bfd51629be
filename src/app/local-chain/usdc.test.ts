import { domainSeparator, parseAbi, zeroAddress } from 'viem';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { microUsdc } from '../../core/money/microUsdc.ts';
import { devAccounts } from './accounts.ts';
import { type Anvil, startAnvil } from './anvil.ts';
import { type DevClient, devClient } from './client.ts';
import { deployUsdc, installMulticall3, MULTICALL3, mintUsdc, type Usdc } from './usdc.ts';

const abi = parseAbi([
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function decimals() view returns (uint8)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function balanceOf(address) view returns (uint256)',
  'function transfer(address to, uint256 amount) returns (bool)',
]);
const [deployer, proxyAdmin, holder, other] = devAccounts;
let anvil: Anvil;
let client: DevClient;
let usdc: Usdc;

beforeAll(async () => {
  anvil = await startAnvil();
  client = devClient(anvil.url, anvil.chainId);
  usdc = await deployUsdc(client, { deployer, proxyAdmin: proxyAdmin.address });
});
afterAll(() => anvil.stop());

it('the token is USDC version 2 with 6 decimals and the EIP-712 domain of this chain', async () => {
  const read = { address: usdc.address, abi } as const;
  expect(await client.readContract({ ...read, functionName: 'name' })).toBe('USDC');
  expect(await client.readContract({ ...read, functionName: 'version' })).toBe('2');
  expect(await client.readContract({ ...read, functionName: 'decimals' })).toBe(6);
  const domain = { name: 'USDC', version: '2', chainId: BigInt(anvil.chainId), verifyingContract: usdc.address };
  expect(await client.readContract({ ...read, functionName: 'DOMAIN_SEPARATOR' })).toBe(domainSeparator({ domain }));
});

it('mints, and what is minted can be transferred at the known cost of a USDC transfer', async () => {
  await mintUsdc(client, usdc, holder.address, microUsdc(10_000_000n));
  await mintUsdc(client, usdc, other.address, microUsdc(1n));
  const hash = await client.writeContract({
    account: holder,
    address: usdc.address,
    abi,
    functionName: 'transfer',
    args: [other.address, 4_000_000n],
  });
  const { gasUsed } = await client.waitForTransactionReceipt({ hash });
  // 44,831 with an address and amount of fewer non-zero bytes.
  expect(gasUsed).toBeGreaterThan(44_000n);
  expect(gasUsed).toBeLessThan(46_000n);
  const balanceOf = (address: `0x${string}`) =>
    client.readContract({ address: usdc.address, abi, functionName: 'balanceOf', args: [address] });
  expect(await balanceOf(holder.address)).toBe(6_000_000n);
  expect(await balanceOf(other.address)).toBe(4_000_001n);
});

it('minting to the zero address is refused by the token and reported', async () => {
  await expect(mintUsdc(client, usdc, zeroAddress, microUsdc(1n))).rejects.toMatchObject({ code: 'transfer_reverted' });
});

it('Multicall3 answers at its usual address', async () => {
  await installMulticall3(client);
  const results = await client.multicall({
    multicallAddress: MULTICALL3,
    contracts: [
      { address: usdc.address, abi, functionName: 'decimals' },
      { address: usdc.address, abi, functionName: 'version' },
    ],
    allowFailure: false,
  });
  expect(results).toEqual([6, '2']);
});
