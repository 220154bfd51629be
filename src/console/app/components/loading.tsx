import { Skeleton, Text } from '@mantine/core';

export function Loading() {
  return (
    <div aria-busy="true" role="status">
      <Text size="sm" mb="xs" className="loading">
        Loading…
      </Text>
      <Skeleton height={16} mb="xs" />
      <Skeleton height={16} mb="xs" width="80%" />
      <Skeleton height={16} width="60%" />
    </div>
  );
}
