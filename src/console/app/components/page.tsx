import { Stack, Title } from '@mantine/core';
import type { ReactNode } from 'react';

export function Page({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <div className="page">
      <div style={{ display: 'flex', gap: '1rem', alignItems: 'center', flexWrap: 'wrap', marginBottom: '1rem' }}>
        <Title order={1} size="h2" style={{ flex: 1 }}>
          {title}
        </Title>
        {aside}
      </div>
      <Stack gap="md">{children}</Stack>
    </div>
  );
}
