import { navigate, usePathname, useSearch } from 'wouter/use-browser-location';

/** Goes to a page of the console without loading it again. */
export function go(to: string): void {
  navigate(to);
  startOfPage();
}

/** After a change of page, the view and the focus start at its top; a change of filters leaves both. */
export function startOfPage(): void {
  scrollTo(0, 0);
  document.getElementById('main')?.focus();
}

/** Changes the query of the shown page. `replace` makes no entry in the history, as while somebody types. */
export function setQuery(values: Record<string, string>, replace = false): void {
  const given = Object.entries(values).filter(([, value]) => value !== '');
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  navigate(location.pathname + search, { replace });
}

/** Path and query as they stand in the address: `useLocation` and `useSearch` of `wouter` itself decode them once more. */
export const usePath = (): string => usePathname();
export const useQueryParameters = (): URLSearchParams => new URLSearchParams(useSearch());
