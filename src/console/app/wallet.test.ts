import { hashTypedData, type TypedDataDefinition } from 'viem';
import { describe, expect, it } from 'vitest';
import { ownerCallTypedData } from '../../control/owner/signedCall.ts';
import { type Provider, signTyped } from './wallet.ts';

describe('typed data handed to a wallet', () => {
  it("names the domain's own fields, and hashes to what the server checks", async () => {
    const given = ownerCallTypedData(1, { to: `0x${'11'.repeat(20)}`, data: '0x1234' }, 1_900_000_000);
    let handed = '';
    const provider: Provider = {
      request: async ({ method, params }) => {
        if (method === 'eth_chainId') return '0x1';
        handed = String(params?.[1]);
        return '0x';
      },
    };
    await signTyped(provider, `0x${'22'.repeat(20)}`, given, 1);
    const whole = JSON.parse(handed) as TypedDataDefinition & { types: Record<string, { name: string }[]> };
    expect(whole.types.EIP712Domain?.map(({ name }) => name)).toEqual(['name', 'version', 'chainId']);
    expect(hashTypedData(whole)).toBe(hashTypedData(given));
  });
});
