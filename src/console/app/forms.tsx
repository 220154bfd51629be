import { Alert, Button, Checkbox, Group, Text, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useRef, useState } from 'react';
import { addressProblem, hasNoChecksum, inGroups } from './addressText.ts';
import { Problem } from './api.ts';
import { Dialog } from './dialog.tsx';
import { announce, useKeptFocus } from './focus.ts';
import { inert } from './views.ts';

export type Sending = {
  isBusy: boolean;
  problem: Problem | null;
  /** Runs it; true where it went well. */
  send(job: () => Promise<unknown>): Promise<boolean>;
};

/** One thing that is sent at a time, and why it was refused. */
export function useSending(): Sending {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  // Two presses of Enter come faster than a button is disabled: a key made twice would be seen once.
  const isSending = useRef(false);
  const send = async (job: () => Promise<unknown>): Promise<boolean> => {
    if (isSending.current) return false;
    isSending.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await job();
      return true;
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, 'failed', String(error), ''));
      return false;
    } finally {
      isSending.current = false;
      setBusy(false);
    }
  };
  return { isBusy, problem, send };
}

/** What the server refused, and what to do about it. It may quote what was typed: shown inert. */
export function Refused({ problem }: { problem: Problem | null }) {
  if (problem === null) return null;
  return (
    <Alert color="red" variant="outline" role="alert" title={inert(problem.message)} my="sm">
      {inert(problem.action)}
    </Alert>
  );
}

/** What a person has confirmed since the server asked; goes into the body as it is. */
export type Confirmed = { confirm_confusable?: true };

/** A form in a dialog. It closes when what it asks for is done, save where `onDone` shows something more. */
export function FormDialog(props: {
  title: string;
  submit: string;
  onClose: () => void;
  /** Why it cannot be sent yet; shown once somebody tries. */
  wrong?: string | null;
  onSubmit: (confirmed: Confirmed) => Promise<unknown>;
  onDone?: () => void;
  children: ReactNode;
}) {
  const { title, submit, onClose, wrong = null, onSubmit, onDone = onClose, children } = props;
  const { isBusy, problem, send } = useSending();
  const [isTried, setTried] = useState(false);
  const [isMeant, setMeant] = useState(false);
  const isConfusable = problem?.code === 'confusable_name';
  const go = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setTried(true);
    const confirmed: Confirmed = isConfusable && isMeant ? { confirm_confusable: true } : {};
    setMeant(false);
    if (wrong === null && (await send(() => onSubmit(confirmed)))) onDone();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={go} className="form" noValidate>
        {children}
        {isTried && wrong !== null && (
          <Text c="var(--mantine-color-error)" size="sm" role="alert">
            {wrong}
          </Text>
        )}
        <Refused problem={problem} />
        {isConfusable && (
          <Checkbox
            label="I have compared the two names: this is another one"
            checked={isMeant}
            onChange={(event) => setMeant(event.currentTarget.checked)}
          />
        )}
        <Group>
          <Button type="submit" loading={isBusy}>
            {submit}
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </Group>
      </form>
    </Dialog>
  );
}

/** The name of what a form creates: the API takes up to 80 characters. */
export function NameInput({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <TextInput
      label="Name"
      required
      maxLength={80}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** A button that opens a dialog. */
export function Opens(props: {
  label: string;
  name?: string;
  small?: boolean;
  children: (close: () => void) => ReactNode;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button
        variant="default"
        size={props.small ? 'compact-xs' : 'xs'}
        aria-label={props.name}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </Button>
      {isOpen && props.children(() => setOpen(false))}
    </>
  );
}

/** A button that does one thing at once, after a question where it cannot be taken back; `onProblem` hears why it was refused. */
export function Act(props: {
  label: string;
  name: string;
  ask?: string;
  sending: Sending;
  job: () => Promise<unknown>;
  then: () => void;
}) {
  const { label, name, ask, sending, job, then } = props;
  const button = useKeptFocus(sending.isBusy);
  return (
    <Button
      ref={button}
      size="compact-xs"
      variant="default"
      aria-label={name}
      disabled={sending.isBusy}
      onClick={async () => {
        if (ask !== undefined && !confirm(ask)) return;
        if (!(await sending.send(job))) return;
        announce(`Done: ${name}`);
        then();
      }}
    >
      {label}
    </Button>
  );
}

/** An address with its checksum checked as it is typed. */
export function AddressInput(props: {
  label: string;
  description?: string;
  value: string;
  required?: boolean;
  onChange: (value: string) => void;
}) {
  const { value } = props;
  const problem = value === '' ? null : addressProblem(value);
  const isPlain = value !== '' && problem === null && hasNoChecksum(value);
  return (
    <div>
      <TextInput
        label={props.label}
        description={props.description}
        required={props.required ?? false}
        value={value}
        spellCheck={false}
        autoComplete="off"
        maxLength={64}
        error={problem}
        onChange={(event) => props.onChange(event.currentTarget.value.trim())}
      />
      {value !== '' && problem === null && (
        <Text size="sm" className="mono" mt={4}>
          {inGroups(value)}
          {isPlain && ' (typed without a checksum: compare each character)'}
        </Text>
      )}
    </div>
  );
}

/** `a, b c` as a list. */
export const wordsOf = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter((word) => word !== ''))];
