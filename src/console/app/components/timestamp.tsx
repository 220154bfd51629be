/** The year only where it is another one. */
function shownTime(at: Date): string {
  const isThisYear = at.getFullYear() === new Date().getFullYear();
  const day = { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' } as const;
  return at.toLocaleString(undefined, isThisYear ? day : { ...day, year: 'numeric' });
}

/** Local time, with the exact time in a tooltip. */
export function Timestamp({ at }: { at: string | null }) {
  if (at === null) return <>never</>;
  return (
    <time dateTime={at} title={at}>
      {shownTime(new Date(at))}
    </time>
  );
}
