import type { ReactNode } from 'react';
import { matchRoute, useRouter } from 'wouter';
import { Empty } from './components/empty.tsx';
import { Link } from './components/link.tsx';
import { Page } from './components/page.tsx';
import { usePath } from './navigation.ts';
import { AgentPage } from './pages/agent.tsx';
import { Agents } from './pages/agents.tsx';
import { Events } from './pages/events.tsx';
import { Explorer } from './pages/explorer.tsx';
import { ExposurePage } from './pages/exposure.tsx';
import { Ledger } from './pages/ledger.tsx';
import { Mandates } from './pages/mandates.tsx';
import { Overview } from './pages/overview.tsx';
import { PayeePage } from './pages/payee.tsx';
import { Payees } from './pages/payees.tsx';
import { PaymentPage } from './pages/payment.tsx';
import { Payments } from './pages/payments.tsx';
import { Policies } from './pages/policies.tsx';
import { Report } from './pages/report.tsx';
import { Reviews } from './pages/reviews.tsx';
import { Settings } from './pages/settings.tsx';

type Entry = { href: string; title: string; show: () => ReactNode };

/** The entries of the menu, in order. */
export const sections: Entry[] = [
  { href: '/', title: 'Overview', show: () => <Overview /> },
  { href: '/payments', title: 'Payments', show: () => <Payments /> },
  { href: '/reviews', title: 'Reviews', show: () => <Reviews /> },
  { href: '/agents', title: 'Agents', show: () => <Agents /> },
  { href: '/payees', title: 'Payees', show: () => <Payees /> },
  { href: '/mandates', title: 'Mandates', show: () => <Mandates /> },
  { href: '/policies', title: 'Policies', show: () => <Policies /> },
  { href: '/exposure', title: 'Exposure', show: () => <ExposurePage /> },
  { href: '/ledger', title: 'Ledger', show: () => <Ledger /> },
  { href: '/events', title: 'Events', show: () => <Events /> },
  { href: '/report', title: 'Pilot report', show: () => <Report /> },
  { href: '/settings', title: 'Settings', show: () => <Settings /> },
];

type Details = { pattern: string; title: string; show: (id: string) => ReactNode };

/** Pages of one object. The key makes each page start with fresh state. */
const details: Details[] = [
  { pattern: '/payments/:id', title: 'Payment', show: (id) => <PaymentPage key={id} id={id} /> },
  { pattern: '/reviews/:id', title: 'Review', show: (id) => <Reviews key={id} only={id} /> },
  { pattern: '/mandates/:id', title: 'Mandate', show: (id) => <Mandates key={id} only={id} /> },
  { pattern: '/payees/:id', title: 'Payee', show: (id) => <PayeePage key={id} id={id} /> },
  { pattern: '/agents/:id', title: 'Agent', show: (id) => <AgentPage key={id} id={id} /> },
  { pattern: '/explorer/tx/:id', title: 'Transaction', show: (id) => <Explorer key={id} hash={id} /> },
];

/** The page of the path in the address. */
export function usePage(): Pick<Entry, 'title' | 'show'> {
  const { parser } = useRouter();
  const path = usePath();
  const section = sections.find(({ href }) => matchRoute(parser, href, path)[0]);
  if (section) return section;
  for (const { pattern, title, show } of details) {
    const [, parameters] = matchRoute<{ id: string }>(parser, pattern, path);
    if (parameters) return { title, show: () => show(parameters.id) };
  }
  return {
    title: 'Not found',
    show: () => (
      <Page title="Not found">
        <Empty>
          There is no such page. <Link href="/">Go to the overview</Link>
        </Empty>
      </Page>
    ),
  };
}
