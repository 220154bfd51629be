import { type MouseEvent, useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
const notify = (): void => {
  for (const listener of listeners) listener();
};
globalThis.addEventListener?.('popstate', notify);

/** Moves to a page of the console without loading it again. */
export function go(to: string): void {
  history.pushState(null, '', to);
  notify();
  scrollTo(0, 0);
  document.getElementById('main')?.focus();
}

/** Changes the query of the page that is shown. `replace`: Back leads to what was before it, as while somebody types. */
export function setQuery(values: Record<string, string>, replace = false): void {
  const given = Object.entries(values).filter(([, value]) => value !== '');
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  history[replace ? 'replaceState' : 'pushState'](null, '', location.pathname + search);
  notify();
}

/** Path and query of the page that is shown. */
export function useLocation(): { path: string; query: URLSearchParams } {
  const href = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => location.pathname + location.search,
  );
  const [path = '/', search = ''] = href.split('?');
  return { path, query: new URLSearchParams(search) };
}

/** For links: a plain click stays in the page, any other is the browser's. */
export function follow(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(event.currentTarget.getAttribute('href') ?? '/');
}
