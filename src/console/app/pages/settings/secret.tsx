import { Alert, Button, Group, Text, TextInput } from '@mantine/core';
import { useRef, useState } from 'react';
import { Dialog } from '../../dialog.tsx';
import { inert } from '../../views.ts';

/** A new key, this one time: the server keeps only its hash, and with this dialog it is gone from the page too. */
export function Secret({ name, secret, onClose }: { name: string; secret: string; onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [note, setNote] = useState('');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(secret);
      setNote('Copied. Clear the clipboard once it is in its place.');
    } catch {
      field.current?.select();
      setNote('This browser lets no page copy: it is marked, copy it manually.');
    }
  };
  return (
    <Dialog title={`The key ${inert(name)}`} onClose={onClose} isHeld>
      <div className="form">
        <Alert color="orange" variant="outline" title="It is shown this once">
          Put it where the program reads it from. Nobody can show it again, Bursar neither: anyone who loses it rotates
          it.
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
          <Button onClick={copy}>Copy it</Button>
          <Button variant="default" onClick={onClose}>
            I have stored it
          </Button>
        </Group>
      </div>
    </Dialog>
  );
}
