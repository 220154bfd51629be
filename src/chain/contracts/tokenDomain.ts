import { domainSeparator, type Hex, parseAbi, type TypedDataDomain } from 'viem';
import { BursarError } from '../../core/errors/base.ts';
import { putSetting, settingOf } from '../../store/settings.ts';
import type { Store } from '../../store/store.ts';
import type { Chain } from '../node/chain.ts';

/** The token's EIP-712 domain as read on chain: "USD Coin" on Base, "USDC" on Base Sepolia, version "2". */
export type TokenDomain = { name: string; version: string; separator: Hex };

export const tokenAbi = parseAbi([
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function decimals() view returns (uint8)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function balanceOf(address account) view returns (uint256)',
  'function transfer(address to, uint256 amount) returns (bool)',
  'function authorizationState(address authorizer, bytes32 nonce) view returns (bool)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
  'event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce)',
]);

/**
 * Reads name, version, decimals and DOMAIN_SEPARATOR and checks that they match, so that the token accepts signatures with this
 * domain. Throws `not_configured` if the address is not the known USDC of this chain.
 */
export async function readTokenDomain(chain: Chain): Promise<TokenDomain> {
  const [name, version, decimals, separator] = await chain
    .run((client) => {
      const token = { address: chain.token, abi: tokenAbi } as const;
      return Promise.all([
        client.readContract({ ...token, functionName: 'name' }),
        client.readContract({ ...token, functionName: 'version' }),
        client.readContract({ ...token, functionName: 'decimals' }),
        client.readContract({ ...token, functionName: 'DOMAIN_SEPARATOR' }),
      ]);
    })
    .catch((error: unknown) => {
      if (error instanceof BursarError) throw error;
      throw new BursarError('not_configured', {
        message: `There is no USDC contract at ${chain.token} on this chain.`,
      });
    });
  if (decimals !== 6) {
    throw new BursarError('not_configured', { message: `The token has ${decimals} decimals; USDC has 6.` });
  }
  if (domainSeparator({ domain: viemDomain(chain, { name, version }) }) !== separator) {
    throw new BursarError('not_configured', {
      message: `The token's DOMAIN_SEPARATOR is not that of "${name}" version "${version}" on chain ${chain.chainId}.`,
    });
  }
  return { name, version, separator };
}

/**
 * Returns the token's domain, stored when it was first read. Throws `chain_inconsistent` when the chain later reports another one:
 * signatures would then be for another contract than people configured.
 */
export async function pinTokenDomain(store: Store, chain: Chain): Promise<TokenDomain> {
  const domain = await readTokenDomain(chain);
  const text = JSON.stringify([domain.name, domain.version, domain.separator]);
  const setting = `token:eip155:${chain.chainId}:${chain.token}`;
  return store.write(async (tx) => {
    const pinned = await settingOf(tx, setting);
    if (pinned === undefined) await putSetting(tx, setting, text);
    else if (pinned !== text) {
      throw new BursarError('chain_inconsistent', {
        message: "The token's EIP-712 domain is not the one seen before.",
        details: { pinned, now: text },
      });
    }
    return domain;
  });
}

export function viemDomain(chain: Pick<Chain, 'chainId' | 'token'>, domain: Pick<TokenDomain, 'name' | 'version'>) {
  return {
    name: domain.name,
    version: domain.version,
    chainId: chain.chainId,
    verifyingContract: chain.token,
  } as const satisfies TypedDataDomain;
}
