import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { paymentKinds } from '../../../core/payment/kinds.ts';
import { states } from '../../../core/payment/states.ts';
import { useNames } from '../names.tsx';
import { setQuery } from '../navigation.ts';
import { inert } from '../views.ts';

const names = ['q', 'state', 'kind', 'agent', 'payee', 'from', 'to', 'min_amount', 'max_amount'] as const;
export type PaymentFilters = Record<(typeof names)[number], string>;

export function filtersOf(given: URLSearchParams): PaymentFilters {
  return Object.fromEntries(names.map((name) => [name, given.get(name) ?? ''])) as PaymentFilters;
}

/** A choice from a list applies at once; typed text applies with Enter or when the field loses the focus. */
export function Filters({ filters }: { filters: PaymentFilters }) {
  const { agents, payees } = useNames();
  const [typed, setTyped] = useState(filters);
  // The fields follow the address, which changes by Back, a link or a choice from a list.
  const given = JSON.stringify(filters);
  useEffect(() => setTyped(JSON.parse(given) as PaymentFilters), [given]);
  const any = { value: '', label: 'any' };
  const choose = (name: keyof PaymentFilters) => ({
    value: filters[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setQuery({ ...typed, [name]: event.currentTarget.value }),
  });
  const apply = (): void => {
    if (names.some((name) => typed[name].trim() !== filters[name])) {
      setQuery(Object.fromEntries(names.map((name) => [name, typed[name].trim()])));
    }
  };
  const type = (name: keyof PaymentFilters) => ({
    value: typed[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setTyped({ ...typed, [name]: event.currentTarget.value }),
    onBlur: apply,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    apply();
  };
  const isSet = names.some((name) => filters[name] !== '');
  const named = (list: readonly { id: string; name: string }[]) => [
    any,
    ...list.map(({ id, name }) => ({ value: id, label: inert(name) })),
  ];
  const words = (list: readonly string[]) => [
    any,
    ...list.map((value) => ({ value, label: value.replaceAll('_', ' ') })),
  ];
  return (
    <search>
      <form onSubmit={submit} className="filters">
        <TextInput
          className="wide"
          label="Search"
          placeholder="Name, memo, id, address or transaction"
          maxLength={100}
          {...type('q')}
        />
        <NativeSelect label="State" data={words(states)} {...choose('state')} />
        <NativeSelect label="Kind" data={words(paymentKinds)} {...choose('kind')} />
        <NativeSelect label="Agent" data={named(agents)} {...choose('agent')} />
        <NativeSelect label="Payee" data={named(payees)} {...choose('payee')} />
        <TextInput type="date" label="From" {...type('from')} />
        <TextInput type="date" label="To" {...type('to')} />
        <TextInput label="Minimum amount, USDC" inputMode="decimal" {...type('min_amount')} />
        <TextInput label="Maximum amount, USDC" inputMode="decimal" {...type('max_amount')} />
        <Button type="submit" variant="default">
          Search
        </Button>
        <Button variant="subtle" disabled={!isSet} onClick={() => setQuery({})}>
          Clear
        </Button>
      </form>
    </search>
  );
}
