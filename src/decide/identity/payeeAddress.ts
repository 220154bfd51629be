import type { Address } from 'viem';

/** `changedAtMs`: when it took another one's place. `retiredAtMs`: when another took its place. */
export type PayeeAddress = {
  address: Address;
  firstSeenAtMs: number;
  verifiedAtMs: number | null;
  changedAtMs: number | null;
  retiredAtMs: number | null;
};

/** The newest address that is not retired. */
export function currentAddress({ addresses }: { addresses: readonly PayeeAddress[] }): PayeeAddress | null {
  return addresses.findLast(({ retiredAtMs }) => retiredAtMs === null) ?? null;
}
