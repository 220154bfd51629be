import { useState } from 'react';
import { Mono } from './mono.tsx';

/** A hash, an address or an id, whole, with a button that copies it. */
export function Copyable({ value, what }: { value: string; what: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(value);
    setDone(true);
  };
  return (
    <>
      <Mono>{value}</Mono>
      <button type="button" className="copy" aria-label={`Copy ${what}`} onClick={() => void copy().catch(() => {})}>
        {isDone ? 'Copied' : 'Copy'}
      </button>
    </>
  );
}
