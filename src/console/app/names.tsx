import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { useAsk } from './live.tsx';
import { type Agent, inert, type Payee } from './views.ts';

type Names = {
  agents: Agent[];
  payees: Payee[];
  nameOf: (id: string | null) => string;
  /** Whom a payment goes to: its payee, or the agent here whose wallet or purse the address is. Null: nobody known. */
  recipientOf: (payment: { payee: string | null; address: string }) => string | null;
};
const NamesContext = createContext<Names>({
  agents: [],
  payees: [],
  nameOf: (id) => id ?? 'none',
  recipientOf: () => null,
});

/** Agents, payees and workflows by name, for pages that show ids. */
export function KnownNames({ children }: { children: ReactNode }) {
  const agents = useAsk<{ agents: Agent[] }>('/v1/agents', 'roster').data?.agents;
  const payees = useAsk<{ payees: Payee[] }>('/v1/payees', 'roster').data?.payees;
  const workflows = useAsk<{ workflows: { id: string; name: string }[] }>('/v1/workflows', 'roster').data?.workflows;
  const sponsors = useAsk<{ sponsors: { id: string; name: string }[] }>('/v1/sponsors', 'roster').data?.sponsors;
  const approvers = useAsk<{ approvers: { id: string; name: string }[] }>('/v1/approvers', 'roster').data?.approvers;
  const names = useMemo(() => {
    const all = [agents, payees, workflows, sponsors, approvers].flatMap((list) => list ?? []);
    const byId = new Map(all.map(({ id, name }) => [id, name]));
    const nameOf = (id: string | null): string => (id === null ? 'none' : inert(byId.get(id) ?? id));
    const byAddress = new Map<string, string>();
    for (const { id, wallet } of agents ?? []) {
      if (wallet) byAddress.set(wallet.address, nameOf(id)).set(wallet.purse, `the purse of ${nameOf(id)}`);
    }
    const recipientOf: Names['recipientOf'] = ({ payee, address }) =>
      payee === null ? (byAddress.get(address) ?? null) : nameOf(payee);
    return { agents: agents ?? [], payees: payees ?? [], nameOf, recipientOf };
  }, [agents, payees, workflows, sponsors, approvers]);
  return <NamesContext value={names}>{children}</NamesContext>;
}

export const useNames = (): Names => useContext(NamesContext);
