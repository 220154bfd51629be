/** UTS 39 skeletons of names, so that a name which looks like another is found by one look-up. Derived from the names. */
export const nameSkeletons = `
CREATE TABLE name_skeletons (
  -- Names of one kind are compared with each other: agents, approvers, payees, sponsors, workflows.
  kind TEXT NOT NULL,
  skeleton TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (kind, skeleton, id)
) STRICT, WITHOUT ROWID;
`;
