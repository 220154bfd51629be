import type { Address } from 'viem';
import { type Account, agentAccount, externalAccount } from '../../books/ledger/journal.ts';
import { openPayers } from '../../books/receivables/sales.ts';
import type { RowOf } from '../../store/statement.ts';
import type { ReadTx } from '../../store/store.ts';
import type { LogScope } from '../node/source.ts';
import { agentsToWatch, walletsOfAgents, watchedWallets } from './queries.ts';

/** The owner and use of an address. */
export type Party = {
  agentId: string;
  sponsorId: string;
  place: 'wallet' | 'purse';
  wallet: Address;
  purse: Address;
  /** The address from which the sponsor funds its agents. */
  treasury: string | null;
};

type Row = RowOf<typeof watchedWallets>;

/** The wallets and purses of one chain by address, at the time of reading. */
export class AddressBook {
  readonly #parties = new Map<string, Party>();
  readonly scope: LogScope;
  readonly #payers: ReadonlySet<string>;

  /** `payers`: outside addresses whose x402 payments to one of ours were announced. */
  constructor(rows: readonly Row[], payers: readonly Address[] = []) {
    for (const row of rows) {
      const common = {
        agentId: row.agent_id,
        sponsorId: row.sponsor_id,
        wallet: row.address,
        purse: row.purse_address,
      };
      const treasury = row.treasury_address;
      this.#parties.set(row.address, { ...common, treasury, place: 'wallet' });
      this.#parties.set(row.purse_address, { ...common, treasury, place: 'purse' });
    }
    const outsiders = payers.filter((payer) => !this.#parties.has(payer));
    this.#payers = new Set(outsiders);
    this.scope = {
      wallets: rows.map((row) => row.address),
      purses: rows.map((row) => row.purse_address),
      payers: outsiders,
    };
  }

  party(address: string): Party | null {
    return this.#parties.get(address) ?? null;
  }
  isWallet(address: string): boolean {
    return this.#parties.get(address)?.place === 'wallet';
  }
  isPayer(address: string): boolean {
    return this.#payers.has(address);
  }
  isPurse(address: string): boolean {
    return this.#parties.get(address)?.place === 'purse';
  }

  /** The account for money at the address that is not held; `suspended` if it is also unexplained. */
  account(address: string, suspended = false): Account {
    const party = this.party(address);
    if (!party) return externalAccount(address);
    if (party.place === 'purse') return agentAccount(party.agentId, 'purse');
    return agentAccount(party.agentId, suspended ? 'suspense' : 'available');
  }
}

/** Only followed wallets: the books have no balances of the others yet. */
export async function watchedBook(tx: ReadTx, chainId: number): Promise<AddressBook> {
  const rows = await tx.all(watchedWallets, { chain: chainId });
  return new AddressBook(rows, await openPayers(tx, chainId));
}

/** The wallets of these agents, followed or not. */
export async function bookOf(tx: ReadTx, chainId: number, agentIds: readonly string[]): Promise<AddressBook> {
  return new AddressBook(await tx.all(walletsOfAgents, { chain: chainId, agents: agentIds }));
}

/** Agents with a wallet on the chain that is not followed yet. */
export async function unwatchedAgents(tx: ReadTx, chainId: number): Promise<string[]> {
  return (await tx.all(agentsToWatch, { chain: chainId })).map((row) => row.agent_id);
}
