import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { CHANGES } from './changes.ts';
import { type Connection, listen } from './stream.ts';
import type { Freshness } from './useAsk.ts';

const ConnectionContext = createContext<Connection>('connecting');
/** Events come in bursts: the pages ask once per burst, and once a second while a burst lasts. */
const SETTLE_MS = 250;
const APART_MS = 1_000;

/** Listens to the event log; each burst of events makes the answers old that it may have changed. */
export function LiveEvents({ children }: { children: ReactNode }) {
  const [connection, setConnection] = useState<Connection>('connecting');
  const client = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isRoster = false;
    let lastMs = 0;
    const makeOld = (freshness: Freshness) => void client.invalidateQueries({ queryKey: [freshness] });
    const bump = (): void => {
      timer ??= setTimeout(
        () => {
          makeOld('tick');
          if (isRoster) makeOld('roster');
          timer = undefined;
          isRoster = false;
          lastMs = performance.now();
        },
        Math.max(SETTLE_MS, lastMs + APART_MS - performance.now()),
      );
    };
    const end = listen(CHANGES, {
      onEvent: (type) => {
        isRoster ||= !/^(payment|receivable)\./.test(type);
        bump();
      },
      onConnection: (next) => {
        setConnection(next);
        // Events may have been missed before.
        isRoster ||= next === 'live';
        if (next === 'live') bump();
      },
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [client]);
  return <ConnectionContext value={connection}>{children}</ConnectionContext>;
}

export const useConnection = (): Connection => useContext(ConnectionContext);
