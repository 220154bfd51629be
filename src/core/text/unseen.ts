const BLANK = '\\u2800\\uFFFC\\uFFFD\\u{1D159}';
/** A character class for the flag `u`: invisible characters, and code points that are no characters of a text. */
export const UNSEEN = `\\p{Cc}\\p{Cf}\\p{Co}\\p{Cn}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}${BLANK}`;
const everyUnseen = new RegExp(`[${UNSEEN}]`, 'gu');
const everySelector = /[\uFE00-\uFE0F\u{E0100}-\u{E01EF}]/gu;
const everyOtherSpace = /(?! )\p{Zs}/gu;

/**
 * Makes text from outside (a seller, a site, a chain) safe to show: invisible characters become U+FFFD, other blanks a plain space.
 * The result moves no cursor and reverses no line.
 */
export function shownText(text: string): string {
  return text
    .normalize('NFC')
    .replaceAll(everySelector, '')
    .replaceAll(everyOtherSpace, ' ')
    .replaceAll(everyUnseen, '\u{fffd}')
    .replaceAll(/(\p{M}{4})\p{M}+/gu, '$1');
}
