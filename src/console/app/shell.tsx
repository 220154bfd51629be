import { Button, useMantineColorScheme } from '@mantine/core';
import { type ReactNode, useCallback, useEffect, useState } from 'react';
import { ask, Problem, setCsrf } from './api.ts';
import { LiveEvents, useLive } from './live.tsx';
import { KnownNames } from './names.tsx';
import { pageFor, sections } from './pages.tsx';
import { follow, useLocation } from './route.ts';
import { type Me, MeContext, useMe } from './session.tsx';
import { SignIn } from './signIn.tsx';

/** The whole: sign-in, or the pages around who signed in. */
export function Console() {
  const [me, setMe] = useState<Me | null | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | null>(null);
  const enter = useCallback((who: Me | null) => {
    setCsrf(who?.csrf ?? '');
    setMe(who);
  }, []);
  useEffect(() => {
    ask<Me>('/auth/me')
      .then(enter)
      .catch((error: unknown) => {
        if (error instanceof Problem && error.status !== 401) setProblem(error);
        enter(null);
      });
  }, [enter]);
  if (me === undefined) return null;
  if (me === null) return <SignIn onSignedIn={enter} problem={problem?.message ?? null} />;
  return (
    <MeContext value={me}>
      <LiveEvents>
        <KnownNames>
          <Shell onSignedOut={() => enter(null)} />
        </KnownNames>
      </LiveEvents>
    </MeContext>
  );
}

function Shell({ onSignedOut }: { onSignedOut: () => void }) {
  const me = useMe();
  const { path } = useLocation();
  const { isConnected } = useLive();
  const [isOpen, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes with each page
  useEffect(() => setOpen(false), [path]);
  const page = pageFor(path);
  useEffect(() => {
    document.title = `${page.title} · Bursar`;
  }, [page.title]);
  const signOut = async (): Promise<void> => {
    await ask('/auth/logout', {}).catch(() => {});
    onSignedOut();
  };
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
        <a href="/" className="brand" onClick={follow}>
          Bursar
        </a>
        <span className="grow" />
        <span className="state" data-tone={isConnected ? 'good' : 'wait'} role="status">
          {isConnected ? 'Live' : 'Connecting'}
        </span>
        <span>
          {me.approver.name} ({me.role})
        </span>
        <Scheme />
        <Button size="xs" variant="default" onClick={signOut}>
          Sign out
        </Button>
      </header>
      <nav className="nav" id="nav" aria-label="Pages" data-open={isOpen}>
        <ul>
          {sections.map(({ href, title }) => (
            <li key={href}>
              <a href={href} onClick={follow} aria-current={isWithin(path, href) ? 'page' : undefined}>
                {title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main className="main" id="main" tabIndex={-1}>
        {page.show() as ReactNode}
      </main>
    </div>
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
