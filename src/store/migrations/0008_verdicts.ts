/** What a person said besides yes or no, and whether the policy of that moment counted the signature. */
export const verdicts = `
ALTER TABLE approvals ADD COLUMN reason TEXT;
ALTER TABLE approvals ADD COLUMN counts INTEGER NOT NULL DEFAULT 1 CHECK (counts IN (0, 1));
`;
