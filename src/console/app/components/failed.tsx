import { Alert, Button, Text } from '@mantine/core';
import type { Problem } from '../api.ts';
import { inert } from '../views.ts';

/** The problem, what to do, and a button to try again. `isOld`: older data is shown below. */
export function Failed({ problem, retry, isOld = false }: { problem: Problem; retry: () => void; isOld?: boolean }) {
  return (
    <Alert color="red" variant="outline" title={inert(problem.message)} role="alert">
      <Text size="sm" mb="xs">
        {inert(problem.action)}
        {isOld && ' The data below may be out of date.'}
      </Text>
      <Button size="xs" variant="default" onClick={retry}>
        Try again
      </Button>
    </Alert>
  );
}
