import { Button, Group, NativeSelect, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { paymentKinds } from '../../../payments/kinds.ts';
import { states } from '../../../payments/states.ts';
import { ask, query } from '../api.ts';
import { useAsk } from '../live.tsx';
import { useNames } from '../names.tsx';
import { Loaded, Page, Rows, State, short, To, usdc, When } from '../parts.tsx';
import { useLocation } from '../route.ts';
import { inert, type Payment } from '../views.ts';

type List = { payments: Payment[]; next_cursor?: string | null };
const PAGE = '50';

export function Payments() {
  const { agents, payees } = useNames();
  const { query: asked } = useLocation();
  const [filter, setFilter] = useState({
    state: '',
    kind: '',
    agent: asked.get('agent') ?? '',
    payee: asked.get('payee') ?? '',
  });
  const [text, setText] = useState('');
  const [search, setSearch] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSearch(text.trim().length > 1 ? text.trim() : ''), 300);
    return () => clearTimeout(timer);
  }, [text]);
  const first = search
    ? query('/v1/search/payments', { q: search })
    : query('/v1/payments', { ...filter, limit: PAGE });
  const answer = useAsk<List>(first);
  const [older, setOlder] = useState<{ of: string; list: Payment[]; next: string | null }>();
  const more = older?.of === first ? older : undefined;
  const shown = (data: List): Payment[] => {
    const known = new Set(data.payments.map(({ id }) => id));
    return [...data.payments, ...(more?.list ?? []).filter(({ id }) => !known.has(id))];
  };
  const next = (data: List): string | null => (more ? more.next : (data.next_cursor ?? null));
  const loadOlder = async (cursor: string): Promise<void> => {
    const page = await ask<List>(query('/v1/payments', { ...filter, limit: PAGE, cursor }));
    setOlder({ of: first, list: [...(more?.list ?? []), ...page.payments], next: page.next_cursor ?? null });
  };
  const choose = (name: keyof typeof filter) => ({
    value: filter[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setFilter({ ...filter, [name]: event.currentTarget.value }),
    disabled: search !== '',
  });
  const any = { value: '', label: 'any' };
  return (
    <Page title="Payments">
      <Group align="end" gap="sm">
        <TextInput
          label="Search"
          placeholder="Name, payment id or transaction"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <NativeSelect label="State" data={[any, ...states]} {...choose('state')} />
        <NativeSelect label="Kind" data={[any, ...paymentKinds]} {...choose('kind')} />
        <NativeSelect
          label="Agent"
          data={[any, ...agents.map(({ id, name }) => ({ value: id, label: inert(name) }))]}
          {...choose('agent')}
        />
        <NativeSelect
          label="Payee"
          data={[any, ...payees.map(({ id, name }) => ({ value: id, label: inert(name) }))]}
          {...choose('payee')}
        />
      </Group>
      <Loaded answer={answer}>
        {(data) => {
          const cursor = next(data);
          return (
            <>
              <PaymentRows payments={shown(data)} empty="No payment is like that." />
              {cursor !== null && !search && (
                <Button variant="default" onClick={() => loadOlder(cursor)}>
                  Show older ones
                </Button>
              )}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

export function PaymentRows({ payments, empty }: { payments: Payment[]; empty: string }) {
  const { nameOf } = useNames();
  return (
    <Rows
      label="Payments"
      rows={payments}
      keyOf={({ id }) => id}
      empty={empty}
      columns={[
        {
          title: 'When',
          cell: ({ id, created_at: at }) => (
            <To href={`/payments/${id}`}>
              <When at={at} />
            </To>
          ),
        },
        { title: 'State', cell: ({ state }) => <State state={state} /> },
        { title: 'Amount', cell: ({ amount }) => usdc(amount), right: true },
        { title: 'Agent', cell: ({ agent }) => nameOf(agent) },
        {
          title: 'To',
          cell: ({ payee, address }) => (payee ? nameOf(payee) : <span title={address}>{short(address)}</span>),
        },
        { title: 'Kind', cell: ({ kind, rail }) => `${kind.replaceAll('_', ' ')}${rail === 'x402' ? ' by 402' : ''}` },
        {
          title: 'Why',
          cell: ({ reasons, memo }) =>
            inert(
              reasons
                .filter(({ code }) => code !== 'allowed')
                .map(({ message }) => message)
                .join(' ') ||
                memo ||
                'allowed',
            ),
        },
      ]}
    />
  );
}
