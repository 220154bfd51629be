/** A number that rises with every change of what a decision looks up by name: the gate keeps such facts for as long as it stays. */
export const identityEpoch = `
CREATE TABLE identity_epoch (
  id bigint PRIMARY KEY CHECK (id = 1),
  epoch bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO identity_epoch (id, epoch) VALUES (1, 0);
CREATE FUNCTION raise_identity_epoch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE identity_epoch SET epoch = epoch + 1; RETURN NULL; END $$;
CREATE TRIGGER sponsors_raise_epoch AFTER INSERT OR UPDATE OR DELETE ON sponsors FOR EACH ROW EXECUTE FUNCTION raise_identity_epoch();
CREATE TRIGGER agents_raise_epoch AFTER INSERT OR UPDATE OR DELETE ON agents FOR EACH ROW EXECUTE FUNCTION raise_identity_epoch();
CREATE TRIGGER workflows_raise_epoch AFTER INSERT OR UPDATE OR DELETE ON workflows FOR EACH ROW EXECUTE FUNCTION raise_identity_epoch();
CREATE TRIGGER payees_raise_epoch AFTER INSERT OR UPDATE OR DELETE ON payees FOR EACH ROW EXECUTE FUNCTION raise_identity_epoch();
CREATE TRIGGER payee_addresses_raise_epoch AFTER INSERT OR UPDATE OR DELETE ON payee_addresses FOR EACH ROW EXECUTE FUNCTION raise_identity_epoch();
CREATE TRIGGER payee_hosts_raise_epoch AFTER INSERT OR UPDATE OR DELETE ON payee_hosts FOR EACH ROW EXECUTE FUNCTION raise_identity_epoch();
CREATE TRIGGER wallets_raise_epoch AFTER INSERT OR DELETE ON wallets FOR EACH ROW EXECUTE FUNCTION raise_identity_epoch();
-- Not of next_nonce, which every payment raises.
CREATE TRIGGER wallets_raise_epoch_update AFTER UPDATE OF agent_id, chain_id, address, purse_address, salt, config_json, ceilings_json, deployed_at ON wallets FOR EACH ROW EXECUTE FUNCTION raise_identity_epoch();
`;
