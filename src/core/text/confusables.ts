import unhomoglyph from 'unhomoglyph';

/**
 * Compares names by UTS 39, section 4: two names with equal skeletons can be confused with each other. The package `unhomoglyph`
 * has Unicode's table of prototypes (confusables.txt).
 */
export function skeleton(text: string): string {
  const decomposed = text.normalize('NFD').replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '');
  return unhomoglyph(decomposed).normalize('NFD').replaceAll(/\s+/gu, ' ').trim();
}

/** Returns the skeletons by which a name is compared: with its case, and without regard to case. */
export function skeletons(name: string): string[] {
  const folded = (text: string): string => skeleton(text.toLowerCase()).toLowerCase();
  return [...new Set([skeleton(name), folded(name), folded(skeleton(name))])];
}
