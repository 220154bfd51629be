const tones: Record<string, 'good' | 'bad' | 'wait'> = {
  ...Object.fromEntries(['settled', 'final', 'active', 'ok', 'success', 'verified'].map((state) => [state, 'good'])),
  ...Object.fromEntries(
    ['denied', 'rejected', 'failed', 'revoked', 'blocked', 'FAIL', 'reverted'].map((s) => [s, 'bad']),
  ),
  ...Object.fromEntries(['in_review', 'frozen', 'requested', 'pending'].map((state) => [state, 'wait'])),
};

/** Shape and word tell it, not the colour alone. */
export function StatusBadge({ state }: { state: string }) {
  return (
    <span className="state" data-tone={tones[state] ?? 'plain'}>
      {state.replaceAll('_', ' ')}
    </span>
  );
}
