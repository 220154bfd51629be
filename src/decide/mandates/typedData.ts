import type { MandateTerms } from './mandate.ts';

export const mandateTypes = {
  Mandate: [
    { name: 'mandateId', type: 'string' },
    { name: 'agent', type: 'string' },
    { name: 'payees', type: 'string[]' },
    { name: 'categories', type: 'string[]' },
    { name: 'hosts', type: 'string[]' },
    { name: 'perPayment', type: 'uint256' },
    { name: 'total', type: 'uint256' },
    { name: 'count', type: 'uint256' },
    { name: 'cadence', type: 'string' },
    { name: 'notBefore', type: 'uint256' },
    { name: 'expires', type: 'uint256' },
  ],
} as const;

/**
 * The EIP-712 data of a mandate, with every limit, readable in a wallet's signing screen. Amounts in micro-USDC, times in epoch
 * seconds; a count of 0 means no count, an empty cadence any time.
 */
export function mandateTypedData(mandateId: string, terms: MandateTerms, chainId: number) {
  return {
    domain: { name: 'Bursar', version: '1', chainId },
    types: mandateTypes,
    primaryType: 'Mandate',
    message: {
      mandateId,
      agent: terms.agent,
      payees: [...terms.payees],
      categories: [...terms.categories],
      hosts: [...terms.hosts],
      perPayment: terms.perPayment,
      total: terms.total,
      count: BigInt(terms.count ?? 0),
      cadence: terms.cadence === null ? '' : `${terms.cadence.rrule} ${terms.cadence.zone}`,
      notBefore: BigInt(Math.floor(terms.notBeforeMs / 1000)),
      expires: BigInt(Math.floor(terms.expiresAtMs / 1000)),
    },
  } as const;
}
