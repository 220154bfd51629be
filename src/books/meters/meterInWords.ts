import { periodInWords } from '../../core/time/duration.ts';
import { type MeterDeclaration, rollingMs } from './declarations.ts';

/** A meter as people read it: "limit per agent and day", "limit per agent and payee in any 30 days". */
export function meterInWords({ by, window, kinds }: MeterDeclaration): string {
  const of = kinds === undefined ? '' : ` on ${kinds.map((kind) => kind.replaceAll('_', ' ')).join(' and ')} payments`;
  if (window === 'lifetime') return `limit${perWords(by)}${of} without a time window`;
  if ('rolling' in window) return `limit${perWords(by)}${of} in any ${periodInWords(rollingMs(window.rolling) / 1000)}`;
  return `limit${perWords([...by, window.calendar])}${of}`;
}

const perWords = (names: readonly string[]): string => (names.length === 0 ? '' : ` per ${names.join(' and ')}`);
