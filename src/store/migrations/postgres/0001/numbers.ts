/** The number of a row that is inserted without one: one above the highest, as SQLite gives it. Ordinary writes run one at a time. */
export const numbers = `
CREATE FUNCTION next_number(name text, field text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ DECLARE highest bigint;
BEGIN EXECUTE format('SELECT max(%I) FROM %I', field, name) INTO highest; RETURN coalesce(highest, 0) + 1; END $$;
`;
