"""Books as a file: checked without a database, which names the books and the block of any change."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.cli.main import run
from backhaul.ledger import services
from backhaul.ledger.books_check import Checked, NotBooks, Pin, _entry, check_books
from backhaul.ledger.books_export import write_books
from backhaul.ledger.heads import make_heads
from backhaul.operators.functions import rows
from backhaul.operators.scope import unit_of_work
from tests.ledger.books import NOW, Chain, as_admin, build_chain, recharge
from tests.ledger.test_sealing import seal_one_block

TODAY = NOW.date()


@pytest.fixture
def sealed(db: EmbeddedPostgres) -> Chain:
    """An ISP and a reseller: its books in blocks of 2, 2 and 1, the reseller's in one; an entry of each is unsealed."""
    chain = build_chain(2)
    for amount in (100, 200, 300, 400, 500):
        recharge(chain, chain.operators[1], amount)
    for _ in range(3):
        seal_one_block(chain, chain.operators[0], 2)
    services.seal_all_books(chain.isp, now=NOW)
    recharge(chain, chain.operators[1], 600)
    return chain


def exported(chain: Chain, *operators: int) -> list[str]:
    with unit_of_work(chain.isp, using="batch", snapshot=True):
        whose = rows("SELECT id, slug, name FROM operator WHERE id = ANY (%s) ORDER BY path",
                     [list(operators or chain.operators)], using="batch")  # fmt: skip
        return list(write_books(whose, isp=chain.isp.slug, at=NOW, using="batch"))


def changes(found: Checked) -> list[str]:
    return [line for books in found.books for line in books.changed] + found.unknown


def test_untouched_books_are_found_whole(sealed: Chain) -> None:
    found = check_books(exported(sealed))
    assert found.holds
    isp, reseller = found.books
    assert (len(isp.hashes), isp.entries, isp.unsealed, isp.debits_minor) == (3, 6, 1, 1500)
    assert (len(reseller.hashes), reseller.entries, reseller.unsealed) == (1, 6, 1)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE posting SET amount_minor = amount_minor + 1 WHERE amount_minor = 300", "block 2: its entries were"),
        ("UPDATE posting SET credit_party = credit_party + 1 WHERE amount_minor = 100", "block 1: its entries were"),
        ("UPDATE entry SET recorded_at = recorded_at + interval '1 microsecond' WHERE id = {third}", "block 2: its"),
        ("UPDATE entry SET reason = 'other' WHERE id = {third}", "block 2: its entries were"),
        ("DELETE FROM posting WHERE amount_minor = 500", "block 3: its entries were changed"),
        ("UPDATE posting SET entry_id = 77 WHERE amount_minor = 500", "postings of an entry 77 that is not there"),
        ("DELETE FROM seal WHERE no = 2", "block 3: not the next of the chain"),
        ("UPDATE seal SET amount_minor = 9 WHERE no = 3", "block 3: its entries were changed"),
        ("UPDATE seal SET hash = previous_hash WHERE no = 2", "block 2: its entries were changed"),
        ("UPDATE seal SET sealed_at = sealed_at - interval '1 microsecond' WHERE no = 2", "block 2: its entries were"),
        ("UPDATE seal SET xid_from = xid_after(xid_from, -1) WHERE no = 2", "block 2: its entries were changed"),
        ("UPDATE daily_head SET debits_minor = debits_minor + 1", "block 3: it is not the one of which the head"),
        ("UPDATE daily_head SET seal_no = 2", "block 2: it is not the one of which the head"),
    ],
)
def test_what_a_superuser_changes_is_named_with_its_books_and_block(
    db: EmbeddedPostgres, sealed: Chain, statement: str, what: str
) -> None:
    isp = sealed.isp.isp_id
    with as_admin(db) as admin:
        third = admin.execute("SELECT id FROM entry WHERE operator_id = %s ORDER BY id OFFSET 2", [isp]).fetchall()[0][
            0
        ]
        admin.execute("SET session_replication_role = replica")
        joined = " AND " if "WHERE" in statement else " WHERE "
        make_heads(sealed.isp, today=TODAY.replace(day=2), now=NOW)
        done = admin.execute((statement.format(third=third) + f"{joined}operator_id = {isp}").encode())
        assert done.rowcount > 0
    found = changes(check_books(exported(sealed)))
    assert any(line.startswith(sealed.isp.slug) and what in line for line in found), found
    assert all(line.startswith(sealed.isp.slug) for line in found), found


def test_any_digit_changed_in_the_file_is_found(sealed: Chain) -> None:
    """In what is sealed. What is not sealed yet has nothing that vouches for it, and the answer says so."""
    lines = exported(sealed, sealed.operators[0])
    unsealed = next(n for n, line in enumerate(lines) if '"unsealed"' in line)
    tried = 0
    for n, line in enumerate(lines[:unsealed]):
        if not line.startswith('{"entry"'):
            continue
        for digit in re.finditer(r"\d", line):
            other = str((int(digit[0]) + 1) % 10)
            forged = line[: digit.start()] + other + line[digit.end() :]
            try:
                found = check_books([*lines[:n], forged, *lines[n + 1 :]])
            except NotBooks:  # no day, or no number, any more
                continue
            tried += 1
            assert changes(found), (line, forged)
    assert tried > 200


def made_anew(lines: list[str]) -> list[str]:
    """A forger's work: one amount changed, and every block after it sealed again, hash by hash."""
    forged = [line.replace(", 200, ", ", 201, ") for line in lines]
    assert forged != lines
    while True:
        records = [json.loads(line) for line in forged]
        found = check_books(forged).books[0]
        if not found.changed:
            return forged
        no = int(found.changed[0].split("block ")[1].split(":")[0])
        previous = "" if no == 1 else next(r["hash"] for r in records if r.get("seal") == no - 1)
        forged = [resealed(record, no, previous, forged) if record.get("seal") == no else line
                  for record, line in zip(records, forged, strict=True)]  # fmt: skip


def resealed(record: dict[str, Any], no: int, previous: str, lines: list[str]) -> str:
    from backhaul.ledger.seal_text import Block, block_hash

    start = next(n for n, line in enumerate(lines) if json.loads(line).get("seal") == no)
    entries = []
    for line in lines[start + 1 :]:
        if not line.startswith('{"entry"'):
            break
        entries.append(_entry(json.loads(line)))
    books = json.loads(lines[1])["operator_id"]
    amount = sum(posting.amount_minor for entry in entries for posting in entry.postings)
    sealed_at = datetime.fromisoformat(record["sealed_at"])
    which = Block(books, no, record["xid_from"], record["xid_before"], sealed_at)
    made = block_hash(which, entries, bytes.fromhex(previous)).hex()
    return json.dumps(record | {"previous_hash": previous, "hash": made, "amount_minor": amount}) + "\n"


def test_a_chain_made_anew_is_told_from_the_one_whose_head_was_mailed(sealed: Chain) -> None:
    make_heads(sealed.isp, today=TODAY.replace(day=2), now=NOW)
    lines = exported(sealed, sealed.operators[0])
    head = json.loads(next(line for line in lines if line.startswith('{"head"')))
    pin = Pin(head["head"], head["hash"])
    honest = check_books(lines, [pin])
    assert honest.holds and "up to block 3 all is as it was" in honest.books[0].proved[0]
    without_heads = [line for line in lines if not line.startswith('{"head"')]
    forged = made_anew(without_heads)
    assert check_books(forged).holds  # by itself it looks right
    assert changes(check_books(forged, [pin])) == [
        f"{sealed.isp.slug}: no block has the hash that was mailed for {pin.on}"
    ]


def test_a_block_that_reads_as_another_one_is_refused(sealed: Chain) -> None:
    """The text of two postings written into one account's name: the same hash, and other debits."""
    lines = exported(sealed, sealed.operators[0])
    n = next(n for n, line in enumerate(lines) if line.startswith('{"entry"'))
    first, second = json.loads(lines[n]), json.loads(lines[n + 1])
    swallowed = "\n".join(_entry(first).lines()).removeprefix(f"entry|{first['entry']}|")
    second["kind"] = f"{swallowed}\nentry|{second['entry']}|{second['kind']}"
    second["entry"] = first["entry"]
    seal = json.loads(lines[n - 1])
    amount = sum(posting[5] for posting in second["postings"])
    forged = [*lines[: n - 1], json.dumps(seal | {"entries": 1, "amount_minor": amount}), json.dumps(second)]
    rest = [line for line in lines[n + 2 :] if '"head"' not in line]
    end = json.loads(rest[-1])
    with pytest.raises(NotBooks, match="is no line of books"):
        check_books([*forged, *rest[:-1], json.dumps(end | {"entries": end["entries"] - 1})])


def test_a_mailed_hash_that_the_file_gives_to_another_day_is_told(sealed: Chain) -> None:
    make_heads(sealed.isp, today=TODAY.replace(day=2), now=NOW)
    lines = exported(sealed, sealed.operators[0])
    earlier = check_books(lines).books[0].hashes[2]
    found = check_books(lines, [Pin(str(TODAY), earlier)])
    assert "whose head was mailed for" in changes(found)[0] and found.books[0].proved == []


def test_the_same_books_twice_are_refused(sealed: Chain) -> None:
    with pytest.raises(NotBooks, match="twice"):
        check_books(exported(sealed, sealed.operators[0]) + exported(sealed, sealed.operators[0])[1:])


def test_a_file_that_breaks_off_or_is_another_one_is_refused(sealed: Chain) -> None:
    lines = exported(sealed)
    for broken in (lines[:-1], lines[:4], [], ["{}"], ["no json"], [*lines[:3], "[1]", *lines[3:]]):
        with pytest.raises(NotBooks):
            check_books(broken)


def test_the_commands_write_and_check_a_file(sealed: Chain, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "books.jsonl"
    file.write_text("".join(exported(sealed)))
    head = check_books(file.read_text().splitlines()).books[0].hashes[2]
    assert run(["check-books", str(file), "--head", "2026-03-01", head]) == 0
    told = capsys.readouterr().out
    assert f"{sealed.isp.slug}: 3 blocks, 6 entries" in told
    assert "up to block 2 all is as it was when the head of 2026-03-01 was mailed" in told
    assert run(["check-books", str(file), "--head", "2026-03-01", "0" * 64]) == 1
    assert run(["check-books", str(file), "--head", "yesterday", head]) == 2
    file.write_text(file.read_text().replace(", 300, ", ", 301, "))
    capsys.readouterr()
    assert run(["check-books", str(file)]) == 1
    assert f"{sealed.isp.slug}, block 2: its entries were changed after it was sealed" in capsys.readouterr().out


def test_checking_needs_neither_database_nor_django() -> None:
    code = (
        "import sys; import backhaul.ledger.books_check, backhaul.ledger.seal_text; "
        "sys.exit(any(name.split('.')[0] in ('django', 'psycopg') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
