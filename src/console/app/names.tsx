import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { can, useMe } from './session.tsx';
import { useAsk } from './useAsk.ts';
import { type Agent, inert, type Payee } from './views.ts';

type Names = {
  agents: Agent[];
  payees: Payee[];
  nameOf: (id: string | null) => string;
  /** The recipient of a payment: its payee, or the agent whose wallet or purse has the address. Null: unknown. */
  recipientOf: (payment: { payee: string | null; address: string }) => string | null;
};
const NamesContext = createContext<Names>({
  agents: [],
  payees: [],
  nameOf: (id) => id ?? 'none',
  recipientOf: () => null,
});

/** The names of agents, payees, workflows, sponsors, approvers and API keys, for pages that show ids. */
export function KnownNames({ children }: { children: ReactNode }) {
  const agents = useAsk<{ agents: Agent[] }>('/v1/agents', 'roster').data?.agents;
  const payees = useAsk<{ payees: Payee[] }>('/v1/payees', 'roster').data?.payees;
  const workflows = useAsk<{ workflows: { id: string; name: string }[] }>('/v1/workflows', 'roster').data?.workflows;
  const sponsors = useAsk<{ sponsors: { id: string; name: string }[] }>('/v1/sponsors', 'roster').data?.sponsors;
  const approvers = useAsk<{ approvers: { id: string; name: string }[] }>('/v1/approvers', 'roster').data?.approvers;
  // Only operators and auditors can list the keys.
  const keyList = can(useMe(), 'audit') ? '/v1/keys' : null;
  const keys = useAsk<{ keys: { id: string; name: string }[] }>(keyList, 'roster').data?.keys;
  const names = useMemo(() => {
    const all = [agents, payees, workflows, sponsors, approvers, keys].flatMap((list) => list ?? []);
    const byId = new Map(all.map(({ id, name }) => [id, name]));
    const nameOf = (id: string | null): string => (id === null ? 'none' : inert(byId.get(id) ?? id));
    const byAddress = new Map<string, string>();
    for (const { id, wallet } of agents ?? []) {
      if (wallet) byAddress.set(wallet.address, nameOf(id)).set(wallet.purse, `the purse of ${nameOf(id)}`);
    }
    const recipientOf: Names['recipientOf'] = ({ payee, address }) =>
      payee === null ? (byAddress.get(address) ?? null) : nameOf(payee);
    return { agents: agents ?? [], payees: payees ?? [], nameOf, recipientOf };
  }, [agents, payees, workflows, sponsors, approvers, keys]);
  return <NamesContext value={names}>{children}</NamesContext>;
}

export const useNames = (): Names => useContext(NamesContext);
