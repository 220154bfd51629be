import type { ReactNode } from 'react';
import { Empty } from './components/empty.tsx';
import { Link } from './components/link.tsx';
import { Page } from './components/page.tsx';
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

/** What the menu lists, in its order. */
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

export function pageFor(path: string): Pick<Entry, 'title' | 'show'> {
  const section = sections.find(({ href }) => href === path);
  if (section) return section;
  const [, folder, id, more] = path.split('/');
  if (folder === 'payments' && id) return { title: 'Payment', show: () => <PaymentPage key={id} id={id} /> };
  if (folder === 'reviews' && id) return { title: 'Review', show: () => <Reviews key={id} only={id} /> };
  if (folder === 'mandates' && id) return { title: 'Mandate', show: () => <Mandates key={id} only={id} /> };
  if (folder === 'payees' && id) return { title: 'Payee', show: () => <PayeePage key={id} id={id} /> };
  if (folder === 'agents' && id) return { title: 'Agent', show: () => <AgentPage key={id} id={id} /> };
  if (folder === 'explorer' && id === 'tx' && more) {
    return { title: 'Transaction', show: () => <Explorer key={more} hash={more} /> };
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
