import { Button, useMantineColorScheme } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { Component, type ReactNode, useCallback, useEffect, useState } from 'react';
import { type AroundNavHandler, Link, Router } from 'wouter';
import { ask, Problem, SIGNED_OUT, setCsrf } from './api.ts';
import { Failed } from './components/failed.tsx';
import { Loading } from './components/loading.tsx';
import { Page } from './components/page.tsx';
import { LiveEvents, useConnection } from './live.tsx';
import { KnownNames } from './names.tsx';
import { startOfPage, usePath } from './navigation.ts';
import { sections, usePage } from './pages.tsx';
import { type Me, MeContext, useMe } from './session.tsx';
import { SignIn } from './signIn.tsx';
import { createQueryClient, useAsk } from './useAsk.ts';
import { inert, type Payment } from './views.ts';

/** The root: sign-in, or the pages for the signed-in person. */
export function Console() {
  const [me, setMe] = useState<Me | null | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | null>(null);
  const enter = useCallback((who: Me | null) => {
    setCsrf(who?.csrf ?? '');
    setMe(who);
    if (who) setProblem(null);
  }, []);
  const look = useCallback(() => {
    setProblem(null);
    ask<Me>('/auth/me')
      .then(enter)
      .catch((error: unknown) => {
        if (error instanceof Problem && error.status !== 401) setProblem(error);
        else enter(null);
      });
  }, [enter]);
  useEffect(look, [look]);
  useEffect(() => {
    const leave = (): void => {
      setProblem(new Problem(401, 'signed_out', 'Your session has ended. Sign in again.', ''));
      enter(null);
    };
    addEventListener(SIGNED_OUT, leave);
    return () => removeEventListener(SIGNED_OUT, leave);
  }, [enter]);
  if (me === undefined) {
    return (
      <main>
        <Page title="Bursar">{problem ? <Failed problem={problem} retry={look} /> : <Loading />}</Page>
      </main>
    );
  }
  if (me === null) return <SignIn onSignedIn={enter} problem={problem?.message ?? null} />;
  return (
    <MeContext value={me}>
      <SignedIn onSignedOut={() => enter(null)} />
    </MeContext>
  );
}

const fromStartOfPage: AroundNavHandler = (navigate, to, options) => {
  navigate(to, options);
  startOfPage();
};

/** The answers of the server are cached here: they are dropped at sign-out. */
function SignedIn({ onSignedOut }: { onSignedOut: () => void }) {
  const [client] = useState(createQueryClient);
  return (
    <QueryClientProvider client={client}>
      <LiveEvents>
        <KnownNames>
          <Router aroundNav={fromStartOfPage}>
            <Shell onSignedOut={onSignedOut} />
          </Router>
        </KnownNames>
      </LiveEvents>
    </QueryClientProvider>
  );
}

function Shell({ onSignedOut }: { onSignedOut: () => void }) {
  const path = usePath();
  const [isOpen, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes with each page
  useEffect(() => setOpen(false), [path]);
  const page = usePage();
  useEffect(() => {
    document.title = `${page.title} · Bursar`;
  }, [page.title]);
  return (
    <div className="shell">
      <header className="header">
        <a href="#main" className="skip">
          Skip to the page
        </a>
        <Button
          className="menu"
          variant="default"
          size="xs"
          aria-expanded={isOpen}
          aria-controls="nav"
          onClick={() => setOpen(!isOpen)}
        >
          Menu
        </Button>
        <Link href="/" className="brand">
          <Mark />
          Bursar
        </Link>
        <span className="grow" />
        <Connected />
        <p id="announced" className="announced" role="status" />
      </header>
      <div className="nav" id="nav" data-open={isOpen}>
        <Sections path={path} />
        <Account onSignedOut={onSignedOut} />
      </div>
      <main className="main" id="main" tabIndex={-1}>
        <Broken key={path}>{page.show()}</Broken>
      </main>
    </div>
  );
}

const connections = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting' } as const;

function Connected() {
  const connection = useConnection();
  return (
    <span className="state" data-tone={connection === 'live' ? 'good' : 'wait'} role="status">
      {connections[connection]}
    </span>
  );
}

const WAITING_SHOWN = 50;

function Sections({ path }: { path: string }) {
  const waiting = useAsk<{ payments: Payment[] }>(`/v1/payments?state=in_review&limit=${WAITING_SHOWN}`);
  const count = waiting.data?.payments.length ?? 0;
  return (
    <nav aria-label="Pages">
      <ul>
        {sections.map(({ href, title }) => (
          <li key={href}>
            <Link href={href} aria-current={isWithin(path, href) ? 'page' : undefined}>
              {title}
              {href === '/reviews' && count > 0 && (
                <span className="badge" title="Waiting for people">
                  {count === WAITING_SHOWN ? `${count}+` : count}
                </span>
              )}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Account({ onSignedOut }: { onSignedOut: () => void }) {
  const me = useMe();
  const signOut = async (): Promise<void> => {
    await ask('/auth/logout', {}).catch(() => {});
    onSignedOut();
  };
  return (
    <section className="account" aria-label="Account">
      <span className="who">{inert(me.name)}</span>
      <span className="role">{me.role}</span>
      <div className="acts">
        <Scheme />
        <Button size="xs" variant="default" onClick={signOut}>
          Sign out
        </Button>
      </div>
    </section>
  );
}

const isWithin = (path: string, href: string): boolean =>
  href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);

function Scheme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const next = colorScheme === 'auto' ? 'light' : colorScheme === 'light' ? 'dark' : 'auto';
  return (
    <Button
      size="xs"
      variant="default"
      onClick={() => setColorScheme(next)}
      aria-label={`Colours: ${colorScheme}. Change to ${next}`}
    >
      Colours: {colorScheme}
    </Button>
  );
}

/** A purse with a coin, drawn: no file to fetch. */
function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
      <rect x="1" y="5" width="20" height="15" rx="4" fill="var(--mantine-primary-color-filled)" />
      <path
        d="M4 5 14 1.5a1.5 1.5 0 0 1 2 1.4V5"
        fill="none"
        stroke="var(--mantine-primary-color-filled)"
        strokeWidth="2"
      />
      <circle cx="15.5" cy="12.5" r="2.2" fill="#fff" />
    </svg>
  );
}

/** An error of a page is shown; the menu stays. */
class Broken extends Component<{ children: ReactNode }, { problem: Problem | null }> {
  override state: { problem: Problem | null } = { problem: null };
  static getDerivedStateFromError(error: unknown): { problem: Problem } {
    const said = error instanceof Error ? error.message : String(error);
    return {
      problem: new Problem(0, 'page_failed', 'This page failed.', `The other pages still work. The error: ${said}`),
    };
  }
  override render(): ReactNode {
    const { problem } = this.state;
    if (problem === null) return this.props.children;
    return (
      <Page title="Something went wrong">
        <Failed problem={problem} retry={() => this.setState({ problem: null })} />
      </Page>
    );
  }
}
