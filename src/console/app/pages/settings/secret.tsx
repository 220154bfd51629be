import { Alert, Button, Group, Text, TextInput } from '@mantine/core';
import { useRef, useState } from 'react';
import { Dialog } from '../../dialog.tsx';
import { inert } from '../../views.ts';

/** A new key, shown once: the server keeps only its hash, and closing the dialog removes it from the page too. */
export function Secret({ name, secret, onClose }: { name: string; secret: string; onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [note, setNote] = useState('');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(secret);
      setNote('Copied. Clear the clipboard after you have stored the key.');
    } catch {
      field.current?.select();
      setNote('The browser blocks copying. The key is selected: copy it with the keyboard.');
    }
  };
  return (
    <Dialog title={`The key ${inert(name)}`} onClose={onClose} isHeld>
      <div className="form">
        <Alert color="orange" variant="outline" title="This key is shown only once">
          Store it where the program reads it. Nobody can show it again, not even Bursar. If it is lost, rotate the key.
        </Alert>
        <TextInput
          ref={field}
          label="Key"
          readOnly
          value={secret}
          autoComplete="off"
          spellCheck={false}
          onFocus={(event) => event.currentTarget.select()}
        />
        <Text size="sm" role="status">
          {note}
        </Text>
        <Group>
          <Button onClick={copy}>Copy the key</Button>
          <Button variant="default" onClick={onClose}>
            I have stored it
          </Button>
        </Group>
      </div>
    </Dialog>
  );
}
