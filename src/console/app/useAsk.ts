import { QueryClient, useQuery } from '@tanstack/react-query';
import { useCallback, useRef } from 'react';
import { ask, type Problem } from './api.ts';

/** The events that invalidate an answer: all of them, or only those of rare changes (agents, payees, people, policies). */
export type Freshness = 'tick' | 'roster';
export type Answer<T> = { data: T | null; problem: Problem | null; reload: () => void };

/** The answers of one sign-in; events invalidate them (`LiveEvents`), and a person or an event repeats a failed request. */
export const createQueryClient = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: { retry: false, refetchOnWindowFocus: false, refetchOnReconnect: false, networkMode: 'always' },
    },
  });

/** The server's answer to a GET, kept up to date. With null as path nothing is requested. Old data stays until the new arrive. */
export function useAsk<T>(path: string | null, freshness: Freshness = 'tick'): Answer<T> {
  const { data, error, refetch } = useQuery<T, Problem>({
    queryKey: [freshness, path],
    queryFn: () => ask<T>(path ?? ''),
    enabled: path !== null,
  });
  // The library drops the error when it asks again: here the message and its button stay until the answer.
  const last = useRef<{ path: string | null; problem: Problem } | null>(null);
  if (error !== null) last.current = { path, problem: error };
  else if (data !== undefined || last.current?.path !== path) last.current = null;
  const reload = useCallback(() => {
    if (path !== null) void refetch();
  }, [path, refetch]);
  return { data: data ?? null, problem: last.current?.problem ?? null, reload };
}
