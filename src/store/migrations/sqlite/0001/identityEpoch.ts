/** A number that rises with every change of what a decision looks up by name: the gate keeps such facts for as long as it stays. */
export const identityEpoch = `
CREATE TABLE identity_epoch (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL
) STRICT;
INSERT INTO identity_epoch (id, epoch) VALUES (1, 0);
CREATE TRIGGER sponsors_raise_epoch_insert AFTER INSERT ON sponsors BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER sponsors_raise_epoch_update AFTER UPDATE ON sponsors BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER sponsors_raise_epoch_delete AFTER DELETE ON sponsors BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER agents_raise_epoch_insert AFTER INSERT ON agents BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER agents_raise_epoch_update AFTER UPDATE ON agents BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER agents_raise_epoch_delete AFTER DELETE ON agents BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER workflows_raise_epoch_insert AFTER INSERT ON workflows BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER workflows_raise_epoch_update AFTER UPDATE ON workflows BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER workflows_raise_epoch_delete AFTER DELETE ON workflows BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payees_raise_epoch_insert AFTER INSERT ON payees BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payees_raise_epoch_update AFTER UPDATE ON payees BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payees_raise_epoch_delete AFTER DELETE ON payees BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payee_addresses_raise_epoch_insert AFTER INSERT ON payee_addresses BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payee_addresses_raise_epoch_update AFTER UPDATE ON payee_addresses BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payee_addresses_raise_epoch_delete AFTER DELETE ON payee_addresses BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payee_hosts_raise_epoch_insert AFTER INSERT ON payee_hosts BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payee_hosts_raise_epoch_update AFTER UPDATE ON payee_hosts BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER payee_hosts_raise_epoch_delete AFTER DELETE ON payee_hosts BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER wallets_raise_epoch_insert AFTER INSERT ON wallets BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
-- Not of next_nonce, which every payment raises.
CREATE TRIGGER wallets_raise_epoch_update AFTER UPDATE OF agent_id, chain_id, address, purse_address, salt, config_json, ceilings_json, deployed_at ON wallets BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
CREATE TRIGGER wallets_raise_epoch_delete AFTER DELETE ON wallets BEGIN UPDATE identity_epoch SET epoch = epoch + 1; END;
`;
