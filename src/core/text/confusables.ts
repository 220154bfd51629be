import unhomoglyph from 'unhomoglyph';

/**
 * UTS 39 section 4: two names whose skeletons are equal can be taken for one another. The table of prototypes is Unicode's
 * confusables.txt, as the package `unhomoglyph` ships it.
 */
export function skeleton(text: string): string {
  const decomposed = text.normalize('NFD').replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '');
  return unhomoglyph(decomposed).normalize('NFD').replaceAll(/\s+/gu, ' ').trim();
}

/** The skeletons by which a name is compared: as it is written, and without regard to case, also of its look-alikes. */
export function skeletons(name: string): string[] {
  const folded = (text: string): string => skeleton(text.toLowerCase()).toLowerCase();
  return [...new Set([skeleton(name), folded(name), folded(skeleton(name))])];
}
