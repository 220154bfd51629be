import type { Address } from 'viem';
import type { ReadTx, Store } from '../../store/store.ts';
import type { Chain } from '../node/chain.ts';
import { agentWalletAbi } from './contracts.generated.ts';
import { payeesSeenOnList } from './queries.ts';
import { walletConfigFromJson } from './walletConfig.ts';

type Listed = { agent_id: string; address: Address; config_json: string };

/** The largest number of addresses to ask for; a longer allow-list needs another method. */
const ASKED_MAX = 2_000;

/**
 * Returns the addresses on a wallet's allow-list. The contract answers for one address and has no list, so every candidate is
 * asked: those of its configuration, of its events, and those known before. Throws `chain_unavailable`.
 */
export async function allowedNow(
  { store, chain }: { store: Store; chain: Chain },
  wallet: Listed,
  known: readonly Address[],
): Promise<Address[]> {
  const seen = await store.read((tx) => seenOn(tx, wallet.agent_id, chain.chainId));
  const made = walletConfigFromJson(wallet.config_json).allowList;
  const asked = [...new Set([...made, ...seen, ...known])].sort().slice(0, ASKED_MAX);
  const answers = await chain.run((client) =>
    Promise.all(
      asked.map((payee) =>
        client.readContract({
          address: wallet.address,
          abi: agentWalletAbi,
          functionName: 'isAllowed',
          args: [payee],
        }),
      ),
    ),
  );
  return asked.filter((_, index) => answers[index]);
}

const seenOn = async (tx: ReadTx, agentId: string, chainId: number): Promise<Address[]> =>
  (await tx.all(payeesSeenOnList, { agent: agentId, chain: chainId })).map(({ address }) => address);
