/** Orders settlements as the chain did; the newest is what a history shows as its last. */
const NEWEST_FIRST = 'settled_at DESC, block_number DESC, log_index DESC';
/** What a history is made from: a payment counts under its address, its payee and its host. */
const SETTLED = `SELECT agent_id, address AS subject, address, amount_micro, settled_at, block_number, log_index FROM live
  UNION ALL SELECT agent_id, payee_id, address, amount_micro, settled_at, block_number, log_index FROM live WHERE payee_id IS NOT NULL
  UNION ALL SELECT agent_id, 'host:' || host, address, amount_micro, settled_at, block_number, log_index FROM live WHERE host IS NOT NULL`;

/** The rows of `payment_history` that settled payments make, by one definition for the roll-back and for the check. `where` narrows the payments. */
export const historyOf = (where: string): string =>
  `WITH live AS (SELECT * FROM payments WHERE state IN ('settled', 'final') AND kind <> 'top_up' ${where}),
   ranked AS (SELECT *, row_number() OVER (PARTITION BY agent_id, subject ORDER BY ${NEWEST_FIRST}) AS n FROM (${SETTLED}))
   SELECT agent_id, subject, max(CASE n WHEN 1 THEN address END) AS last_address, max(CASE n WHEN 1 THEN amount_micro END) AS last_amount_micro,
     max(amount_micro) AS max_amount_micro, max(CASE n WHEN 1 THEN settled_at END) AS last_at, count(*) AS settled_count
   FROM ranked GROUP BY agent_id, subject`;
