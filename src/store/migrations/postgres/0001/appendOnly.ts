/** Append-only tables: the database itself refuses to change or delete their rows. */
export const appendOnly = `
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% are append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER events_append_only_change BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_append_only_truncate BEFORE TRUNCATE ON events EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_append_only_change BEFORE UPDATE OR DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_append_only_truncate BEFORE TRUNCATE ON ledger_entries EXECUTE FUNCTION refuse_change();
CREATE TRIGGER decisions_append_only_change BEFORE UPDATE OR DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER decisions_append_only_truncate BEFORE TRUNCATE ON decisions EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_heads_append_only_change BEFORE UPDATE OR DELETE ON log_heads FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_heads_append_only_truncate BEFORE TRUNCATE ON log_heads EXECUTE FUNCTION refuse_change();
`;
