/**
 * Which rows of `meters` and `meter_rolling` a meter stands in. A meter whose rules change is counted into rows of a new generation while
 * the old ones decide; `live` is what decides, `last` the newest that was ever begun, so that none is begun twice.
 */
export const meterGenerations = `
CREATE TABLE meter_generations (
  meter TEXT PRIMARY KEY,
  live INTEGER NOT NULL,
  last INTEGER NOT NULL CHECK (last >= live)
) STRICT, WITHOUT ROWID;
`;
