import { useAsk } from '../live.tsx';
import { Loaded, Mono, Page, Rows, State } from '../parts.tsx';
import { inert, type Payee } from '../views.ts';

const SHOWN = 3;

export function Payees() {
  const answer = useAsk<{ payees: Payee[] }>('/v1/payees');
  return (
    <Page title="Payees">
      <Loaded answer={answer}>
        {({ payees }) => (
          <Rows
            label="Payees"
            rows={payees}
            keyOf={({ id }) => id}
            empty="There are no payees yet."
            columns={[
              { title: 'Name', cell: ({ name }) => inert(name) },
              { title: 'Status', cell: ({ status }) => <State state={status} /> },
              { title: 'Kind', cell: ({ kind }) => kind },
              { title: 'Categories', cell: ({ categories }) => categories.join(', ') || 'none' },
              { title: 'Hosts', cell: ({ hosts }) => hosts.join(', ') || 'none' },
              { title: 'Addresses', cell: ({ addresses }) => <Addresses addresses={addresses} /> },
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
}

function Addresses({ addresses }: Pick<Payee, 'addresses'>) {
  const current = addresses.filter((each) => each.retired_at === null);
  if (current.length === 0) return 'none';
  const list = current.map((each) => (
    <div key={each.address}>
      <Mono>{each.address}</Mono> {each.verified_at === null ? '(not verified)' : '(verified)'}
    </div>
  ));
  if (list.length <= SHOWN) return list;
  return (
    <details>
      <summary>{list.length} addresses</summary>
      {list}
    </details>
  );
}
