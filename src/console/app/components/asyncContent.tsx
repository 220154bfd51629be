import type { ReactNode } from 'react';
import type { Answer } from '../useAsk.ts';
import { Failed } from './failed.tsx';
import { Loading } from './loading.tsx';

/** The content of an answer, or that it is loading, or why it failed. */
export function AsyncContent<T>({ answer, children }: { answer: Answer<T>; children: (data: T) => ReactNode }) {
  const { data, problem, reload } = answer;
  return (
    <>
      {problem && <Failed problem={problem} retry={reload} isOld={data !== null} />}
      {data === null && !problem && <Loading />}
      {data !== null && children(data)}
    </>
  );
}
