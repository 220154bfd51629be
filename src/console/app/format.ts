import type { Money } from './views.ts';

export const short = (text: string): string => (text.length > 16 ? `${text.slice(0, 8)}…${text.slice(-6)}` : text);
export const usdc = ({ value }: Pick<Money, 'value'>): string => `${value} USDC`;
