import { NativeSelect, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ask } from '../api.ts';
import { type Confirmed, FormDialog, NameInput } from '../forms.tsx';
import { go } from '../navigation.ts';
import type { Agent } from '../views.ts';
import { useSponsors } from './settings/sponsors.tsx';

const LABEL = /^([a-z0-9][a-z0-9._-]{0,39})\s*[=:]\s*(\S.*)$/;

/** Labels as `team=research`, one per line. A string names the line that is invalid. */
function labelsOf(text: string): Record<string, string> | string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const labels: Record<string, string> = {};
  for (const [index, line] of lines.entries()) {
    const [, name, value] = LABEL.exec(line.trim()) ?? [];
    if (name === undefined || value === undefined) return `Line ${index + 1} of the labels is not name=value.`;
    labels[name] = value;
  }
  return labels;
}

const amountProblem = (text: string): string | null =>
  text === '' || /^\d{1,12}(\.\d{1,6})?$/.test(text) ? null : 'Write an amount as 100 or 12.50.';
const usdcOf = (value: string) => ({ value, currency: 'USDC' });

/** An agent with its own wallet; its address is known at once, the contract is deployed with the first payment. */
export function CreateAgent({ onClose }: { onClose: () => void }) {
  const sponsors = useSponsors();
  const [form, setForm] = useState({ name: '', sponsor: '', labels: '', perPayment: '', perPeriod: '' });
  const set = (name: keyof typeof form) => (event: { currentTarget: { value: string } }) =>
    setForm({ ...form, [name]: event.currentTarget.value });
  const labels = labelsOf(form.labels);
  const wrongAmount = amountProblem(form.perPayment) ?? amountProblem(form.perPeriod);
  const wrong = (): string | null => {
    if (form.name.trim() === '') return 'Give it a name.';
    if (form.sponsor === '') return 'Choose its sponsor.';
    return typeof labels === 'string' ? labels : wrongAmount;
  };
  const create = async (confirmed: Confirmed): Promise<void> => {
    const { name, sponsor, perPayment, perPeriod } = form;
    const ceilings = {
      ...(perPayment ? { per_payment: usdcOf(perPayment) } : {}),
      ...(perPeriod ? { per_period: usdcOf(perPeriod) } : {}),
    };
    const made = await ask<Agent>('/v1/agents', { ...confirmed, name, sponsor, labels, ceilings });
    go(`/agents/${made.id}`);
  };
  return (
    <FormDialog title="A new agent" submit="Create the agent" onClose={onClose} wrong={wrong()} onSubmit={create}>
      <NameInput value={form.name} onChange={(name) => setForm({ ...form, name })} />
      <NativeSelect
        label="Sponsor"
        description="The person or team responsible for this agent. Sponsors are added in Settings."
        required
        data={[{ value: '', label: 'choose' }, ...sponsors]}
        value={form.sponsor}
        onChange={set('sponsor')}
      />
      <Textarea
        label="Labels"
        description="One per line, for example team=research. Policies and reports use them."
        autosize={false}
        rows={2}
        value={form.labels}
        onChange={set('labels')}
      />
      <TextInput
        label="Ceiling per payment, USDC"
        description="The wallet contract's own limit; leave it empty for the server's default. Only the wallet's owner can raise it later, and after a delay."
        inputMode="decimal"
        value={form.perPayment}
        error={amountProblem(form.perPayment)}
        onChange={set('perPayment')}
      />
      <TextInput
        label="Ceiling per period, USDC"
        description="The limit for the sum of all payments in a period."
        inputMode="decimal"
        value={form.perPeriod}
        error={amountProblem(form.perPeriod)}
        onChange={set('perPeriod')}
      />
    </FormDialog>
  );
}
