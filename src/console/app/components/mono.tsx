import type { ReactNode } from 'react';

export const Mono = ({ children }: { children: ReactNode }) => <span className="mono">{children}</span>;
