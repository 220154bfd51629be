import type { ReactNode } from 'react';
import { follow } from '../route.ts';

/** A link within the console. */
export function Link({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} onClick={follow} style={{ color: 'var(--mantine-color-anchor)' }}>
      {children}
    </a>
  );
}
