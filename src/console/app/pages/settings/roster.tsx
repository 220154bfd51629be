import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { AsyncContent } from '../../components/asyncContent.tsx';
import { DataTable } from '../../components/dataTable.tsx';
import { StatusBadge } from '../../components/statusBadge.tsx';
import { Timestamp } from '../../components/timestamp.tsx';
import { Opens } from '../../forms.tsx';
import { can, useMe } from '../../session.tsx';
import type { Answer } from '../../useAsk.ts';
import { inert } from '../../views.ts';
import { StatusActs } from './statusActs.tsx';

export type Named = { id: string; name: string; status: string; created_at: string };

/** A list of named things with a status, for all readers; operators add to it and change the status. */
export function Roster<T, R extends Named>(props: {
  label: string;
  says: string;
  path: string;
  answer: Answer<T>;
  rowsOf: (answer: T) => R[];
  /** Between the status and the time. */
  more?: { title: string; cell: (row: R) => ReactNode }[];
  add: { label: string; form: (close: () => void) => ReactNode };
}) {
  const { label, says, path, answer, rowsOf, more = [], add } = props;
  const mayAct = can(useMe(), 'admin');
  const acts = { title: 'Actions', cell: (each: R) => <StatusActs of={each} path={path} reload={answer.reload} /> };
  return (
    <>
      <Text size="sm" mb="sm">
        {says}
      </Text>
      <AsyncContent answer={answer}>
        {(data) => (
          <DataTable
            label={label}
            rows={rowsOf(data)}
            keyOf={({ id }) => id}
            empty={`There are no ${label.toLowerCase()}.`}
            columns={[
              { title: 'Name', cell: ({ name }) => inert(name) },
              { title: 'Status', cell: ({ status }) => <StatusBadge state={status} /> },
              ...more,
              { title: 'Since', cell: ({ created_at: at }) => <Timestamp at={at} /> },
              ...(mayAct ? [acts] : []),
            ]}
          />
        )}
      </AsyncContent>
      {mayAct && (
        <div style={{ marginTop: '0.75rem' }}>
          <Opens label={add.label}>{add.form}</Opens>
        </div>
      )}
    </>
  );
}
