import { Title } from '@mantine/core';
import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';

/**
 * The browser's own modal dialog: it keeps the focus inside, gives it back at the end, and Escape closes it. With `isHeld` only its
 * buttons do: what it shows is not shown again.
 */
export function Dialog(props: { title: string; onClose: () => void; isHeld?: boolean; children: ReactNode }) {
  const { title, onClose, isHeld = false, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const label = useId();
  useLayoutEffect(() => {
    const { current } = dialog;
    current?.showModal();
    return () => current?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={label}
      onCancel={(event) => {
        event.preventDefault();
        if (!isHeld) onClose();
      }}
    >
      <Title order={2} size="h4" mb="sm" id={label}>
        {title}
      </Title>
      {children}
    </dialog>
  );
}
