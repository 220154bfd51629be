"""Checks Bursar's tree heads and proofs with aics-tlog, which Bursar does not use. One JSON document in, one out: a problem per check."""

import base64
import json
import sys

from aics_tlog import (
    leaf_hash,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
)


def b64(text):
    return base64.b64decode(text)


def head_of(text, key):
    note = parse_note(text)
    result = verify_checkpoint(note, key, expected_origin=key.name)
    if not result.ok:
        raise ValueError(result.error)
    return parse_checkpoint(note.text)


def main():
    given = json.load(sys.stdin)
    key = parse_vkey(given["verifier_key"])
    heads, notes = [], []
    for text in given["notes"]:
        try:
            head = head_of(text, key)
            heads.append({"size": head.size, "root": base64.b64encode(head.root).decode()})
            notes.append("")
        except ValueError as error:
            heads.append(None)
            notes.append(str(error) or "refused")
    inclusions = [
        ""
        if verify_inclusion(
            leaf_hash(b64(each["entry"])),
            each["index"],
            each["head"]["size"],
            [b64(part) for part in each["proof"]],
            b64(each["head"]["root"]),
        )
        else "refused"
        for each in given["inclusions"]
    ]
    consistencies = [
        ""
        if verify_consistency(
            each["old"]["size"],
            each["new"]["size"],
            b64(each["old"]["root"]),
            b64(each["new"]["root"]),
            [b64(part) for part in each["proof"]],
        )
        else "refused"
        for each in given["consistencies"]
    ]
    print(json.dumps({"heads": heads, "notes": notes, "inclusions": inclusions, "consistencies": consistencies}))


main()
