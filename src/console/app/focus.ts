import { type RefObject, useLayoutEffect, useRef } from 'react';

const isLost = (): boolean => document.activeElement === null || document.activeElement === document.body;

/**
 * For a button that is disabled while it works, and may be gone when it is done: it gets the focus back that its press had, and
 * when it goes, the heading of the box that it stood in gets it. Focus that is elsewhere by then stays there. For the component
 * that comes and goes with the button.
 */
export function useKeptFocus(isBusy: boolean): RefObject<HTMLButtonElement | null> {
  const button = useRef<HTMLButtonElement>(null);
  const wasWorking = useRef(false);
  useLayoutEffect(() => {
    if (isBusy) {
      wasWorking.current ||= document.activeElement === button.current;
    } else if (wasWorking.current) {
      wasWorking.current = false;
      if (isLost()) button.current?.focus({ preventScroll: true });
    }
  }, [isBusy]);
  useLayoutEffect(() => {
    const at = button.current;
    return () => {
      if (at === null || (document.activeElement !== at && !(wasWorking.current && isLost()))) return;
      const heading = at.closest('.card')?.querySelector('h2');
      // After React has taken the button away; a whole page that went has no heading left to go to.
      queueMicrotask(() => focusOn(heading));
    };
  }, []);
  return button;
}

function focusOn(heading: HTMLElement | null | undefined): void {
  if (!isLost()) return;
  const to = heading?.isConnected ? heading : document.getElementById('main');
  if (!to) return;
  to.tabIndex = -1;
  to.focus();
}

/** Says it to who listens instead of looking: the shell's own status line holds the words. */
export function announce(words: string): void {
  const line = document.getElementById('announced');
  if (line) line.textContent = words;
}
