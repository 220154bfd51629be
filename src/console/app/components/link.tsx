import type { ReactNode } from 'react';
import { Link as RouterLink } from 'wouter';

/** A link within the console. */
export function Link({ href, children }: { href: string; children: ReactNode }) {
  return (
    <RouterLink href={href} style={{ color: 'var(--mantine-color-anchor)' }}>
      {children}
    </RouterLink>
  );
}
