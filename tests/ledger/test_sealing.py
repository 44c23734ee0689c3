"""Sealing and folding: nothing is missed, nothing counted twice, and whoever edits the past is found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from time import sleep
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.sql import function_files
from backhaul.ledger import services, tasks
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import unit_of_work
from backhaul.resellers.checks import verify
from tests.builders import acting, request_key
from tests.cast import CELL
from tests.ledger.books import DAY, NOW, Chain, as_admin, build_chain, recharge


def wrong(name: str) -> str:
    """What verify says of the one check that fails."""
    failed = [check for check in verify([CELL]) if not check.ok]
    assert [check.name for check in failed] == [name]
    return failed[0].detail


def seal_one_block(chain: Chain, operator: int, entries: int) -> int:
    with unit_of_work(chain.isp, using="batch"):
        return int(call("seal_books", "batch", operator=operator, at=NOW, entries=entries))


def seals(chain: Chain, operator: int) -> list[dict[str, Any]]:
    with acting(chain.isp, operator):
        return rows("SELECT * FROM seal WHERE operator_id = %s ORDER BY no", [operator])


@pytest.fixture
def sealed(db: EmbeddedPostgres) -> Chain:
    """An ISP and a reseller, five recharges, the ISP's books sealed in blocks of two, two and one."""
    chain = build_chain(2)
    for amount in (100, 200, 300, 400, 500):
        recharge(chain, chain.operators[1], amount)
    for _ in range(3):
        seal_one_block(chain, chain.operators[0], 2)
    services.seal_all_books(chain.isp, now=NOW)
    return chain


def test_blocks_are_bounded_and_chained(sealed: Chain) -> None:
    blocks = seals(sealed, sealed.operators[0])
    assert [block["entries"] for block in blocks] == [2, 2, 1]
    assert [block["amount_minor"] for block in blocks] == [300, 700, 500]
    assert bytes(blocks[0]["previous_hash"]) == b""
    assert [bytes(block["previous_hash"]) for block in blocks[1:]] == [bytes(block["hash"]) for block in blocks[:-1]]


def test_the_job_seals_the_books_of_every_isp(db: EmbeddedPostgres) -> None:
    chains = [build_chain(2), build_chain(2)]
    for chain in chains:
        recharge(chain, chain.operators[1], 100)
    tasks.seal_books(timestamp=0)
    assert [len(seals(chain, operator)) for chain in chains for operator in chain.operators] == [1, 1, 1, 1]


def test_a_block_is_never_cut_inside_a_transaction(db: EmbeddedPostgres) -> None:
    chain = build_chain(1)
    with acting(chain.isp):
        for _ in range(3):
            services.post_manual_entry(
                effective_on=DAY,
                lines=[ManualLine("cash", "bank", 5)],
                reason="moved",
                request_key=request_key(),
                now=NOW,
            )
    assert seal_one_block(chain, chain.operators[0], 1) == 3


def test_sealing_again_changes_nothing(sealed: Chain) -> None:
    before = seals(sealed, sealed.operators[0])
    report = services.seal_all_books(sealed.isp, now=NOW)
    assert (report.blocks, report.entries) == (0, 0)
    assert seals(sealed, sealed.operators[0]) == before
    assert all(check.ok for check in verify([CELL]))


def test_anybody_can_compute_a_block_s_hash_from_its_written_form(db: EmbeddedPostgres) -> None:
    chain = build_chain(1)
    operator = chain.operators[0]
    with acting(chain.isp):
        entry = services.post_manual_entry(
            effective_on=DAY, lines=[ManualLine("cash", "bank", 5)], reason='a "b"\nc', request_key="k", now=NOW
        )
        found = rows("SELECT source_id, xid::text AS xid FROM entry WHERE operator_id = %s", [operator])[0]
    seal_one_block(chain, operator, 10)
    until = int(found["xid"]) + 1
    micros = int(NOW.timestamp() * 1_000_000)
    text = (
        f"books|{operator}|1|0|{until}|{micros}\n"
        f'entry|{entry}|manual|{found["source_id"]}|2026-03-01|{micros}|0|||"a \\"b\\"\\nc"|{found["xid"]}\n'
        "posting|1|cash||bank||5|2026-03-01"
    )
    first = sha256(text.encode()).digest()
    assert bytes(seals(chain, operator)[0]["hash"]) == first
    with acting(chain.isp):
        undone = services.reverse_entry(entry_id=entry, on=DAY, reason="wrong", now=NOW)
        xid = rows("SELECT xid::text AS xid FROM entry WHERE operator_id = %s AND id = %s", [operator, undone])[0][
            "xid"
        ]
    seal_one_block(chain, operator, 10)
    text = (
        f"books|{operator}|2|{until}|{int(xid) + 1}|{micros}\n"
        f'entry|{undone}|reversal:manual|{found["source_id"]}|2026-03-01|{micros}|0||{entry}|"wrong"|{xid}\n'
        "posting|1|bank||cash||5|2026-03-01"
    )
    assert bytes(seals(chain, operator)[1]["hash"]) == sha256(first + text.encode()).digest()


def test_what_follows_a_block_at_once_is_read_and_sealed_next(db: EmbeddedPostgres) -> None:
    chain = build_chain(2)
    for amount in (1, 10, 100):
        recharge(chain, chain.operators[1], amount)
    for sealed_entries in (0, 1, 2, 3):
        with acting(chain.isp):
            assert sum_balance("bank", DAY) == 111
            found = rows(
                "SELECT xid::text::bigint AS xid FROM entry WHERE operator_id = %s ORDER BY id", [chain.isp.isp_id]
            )
            sealed_before = rows(
                "SELECT sealed_before::text::bigint AS xid FROM books WHERE operator_id = %s", [chain.isp.isp_id]
            )
        assert sealed_before[0]["xid"] == (found[sealed_entries - 1]["xid"] + 1 if sealed_entries else 0)
        seal_one_block(chain, chain.operators[0], 1)


def test_two_sealers_at_once_seal_every_entry_once(db: EmbeddedPostgres) -> None:
    chain = build_chain(2)
    recharge(chain, chain.operators[1], 100)
    with as_role("batch") as first:
        assert first.execute("SELECT seal_books(%s, now())", [chain.isp.isp_id]).fetchone() == (1,)
        with ThreadPoolExecutor(1) as other:
            second = other.submit(seal_in_a_thread, chain)
            sleep(0.2)
            first.commit()
            assert second.result(timeout=20) == 1  # the reseller's books; the ISP's were sealed by the first
    assert [len(seals(chain, operator)) for operator in chain.operators] == [1, 1]
    assert all(check.ok for check in verify([CELL]))


def seal_in_a_thread(chain: Chain) -> int:
    try:
        return services.seal_all_books(chain.isp, now=NOW).entries
    finally:
        connections.close_all()


def as_role(role: str) -> psycopg.Connection[Any]:
    """A connection of its own beside Django's, in the cell."""
    target = settings.DATABASES["default"]
    return psycopg.connect(
        host=str(target["HOST"]), port=str(target["PORT"]), dbname=str(target["NAME"]), user=f"backhaul_{role}",
        password=settings.HOME.secret(f"role_{role}"), options=f"-c search_path={CELL},public,ext",
    )  # fmt: skip


def test_an_open_transaction_is_not_missed(db: EmbeddedPostgres) -> None:
    chain = build_chain(3)
    north, river = chain.operators[1:]
    with as_role("app") as slow:
        slow.execute("SELECT set_config('backhaul.operator', %s, true)", [str(north)])
        slow.execute("SELECT recharge_fund(%s, 'recharge', 70, %s, 'bank', 'slow', '')", [river, DAY])
        recharge(chain, north, 1000)  # later, in the same books, and committed first
        services.seal_all_books(chain.isp, now=NOW)
        with acting(chain.isp, north):
            assert sum_balance("fund", DAY) == 1000
            assert sum_balance("operator_funds", DAY) == 0
        slow.commit()
    with acting(chain.isp, north):
        assert sum_balance("operator_funds", DAY) == -70
    services.seal_all_books(chain.isp, now=NOW)
    with acting(chain.isp, north):
        assert sum_balance("operator_funds", DAY) == -70
        assert rows("SELECT sum(entries)::int AS n FROM seal WHERE operator_id = %s", [north]) == [{"n": 2}]
    assert all(check.ok for check in verify([CELL]))


def test_one_digit_changed_by_a_superuser_names_books_and_block(db: EmbeddedPostgres, sealed: Chain) -> None:
    with as_admin(db) as admin:
        admin.execute(
            "UPDATE entry SET recorded_at = recorded_at + interval '1 second' WHERE id = ("
            "SELECT id FROM entry WHERE operator_id = %s ORDER BY id OFFSET 2 LIMIT 1)",
            [sealed.operators[0]],
        )
    detail = wrong("books.seals")
    assert f"{sealed.isp.slug}, block 2" in detail
    assert "block 1" not in detail
    assert "block 3" not in detail


def test_a_changed_amount_is_found_by_seal_nets_and_mirror(db: EmbeddedPostgres, sealed: Chain) -> None:
    with as_admin(db) as admin:
        admin.execute(
            "UPDATE posting SET amount_minor = 501 WHERE amount_minor = 500 AND operator_id = %s", [sealed.operators[0]]
        )
    failed = {check.name: check.detail for check in verify([CELL]) if not check.ok}
    assert {"books.seals", "books.account_days", "books.party_days", "edges.funds", "edges.movements"} <= set(failed)
    assert f"{sealed.isp.slug}, block 3" in failed["books.seals"]
    assert "level-1" in failed["edges.funds"]


@pytest.mark.parametrize(
    ("statement", "check", "names"),
    [
        ("UPDATE account_day SET debit_minor = debit_minor + 1 WHERE code = 'bank'", "books.account_days", "bank"),
        ("UPDATE party_day SET credit_minor = 9 WHERE code = 'operator_funds'", "books.party_days", "operator_funds"),
        ("UPDATE kind_day SET amount_minor = amount_minor - 1", "books.kind_days", "recharge"),
        ("DELETE FROM seal WHERE no = 3", "books.seals", "the last seal is missing"),
        ("UPDATE books SET sealed_before = '3' WHERE last_seal_no = 3", "books.account_days", "bank"),
        ("UPDATE fund SET posted_minor = posted_minor + 1", "edges.funds", "level-1"),
        ("UPDATE fund SET owed_minor = 5", "edges.debts", "level-1"),
        ("DELETE FROM entry WHERE id = (SELECT min(id) FROM entry)", "books.entries", "that is not there"),
        ("INSERT INTO posting SELECT operator_id, 1, 1, 'cash', 'bank', 5, NULL, NULL, now() FROM books LIMIT 1",
         "books.entries", "an entry 1 that is not there"),
        ("UPDATE account SET code = 'till' WHERE code = 'bank'", "books.accounts", "no account bank"),
        ("UPDATE fund_movement SET net_minor = 4", "edges.movements", "is not posted as it is"),
        ("UPDATE receipt_numbering SET next_number = 7", "numbers.receipts", "the next is 7"),
    ],
)  # fmt: skip
def test_every_kind_of_tampering_is_found(
    db: EmbeddedPostgres, sealed: Chain, statement: str, check: str, names: str
) -> None:
    with as_admin(db) as admin:
        admin.execute("SET session_replication_role = replica")
        assert admin.execute(statement.encode()).rowcount > 0
    failed = {found.name: found.detail for found in verify([CELL]) if not found.ok}
    assert names in failed[check]


def test_entries_of_a_database_that_moved_to_another_cluster_are_neither_lost_nor_counted_twice(
    db: EmbeddedPostgres, sealed: Chain
) -> None:
    isp, north = sealed.operators
    with as_admin(db) as admin:
        epochs = admin.execute("SELECT no, system_identifier, xid_offset, began_at FROM xid_epoch").fetchall()
        try:
            # as if dumped on a cluster whose transaction ids were far ahead
            admin.execute("UPDATE xid_epoch SET system_identifier = 1")
            admin.execute("UPDATE entry SET xid = xid_after(xid, 1000000)")
            admin.execute("UPDATE seal SET xid_before = xid_after(xid_before, 1000000)")
            admin.execute("UPDATE books SET sealed_before = xid_after(sealed_before, 1000000)")
            with pytest.raises(services.MovedDatabase):
                seal_one_block(sealed, isp, 10)
            admin.execute("SET ROLE backhaul_owner")
            epoch_sql = next(file for file in function_files("ledger") if file.name == "epoch.sql")
            admin.execute(epoch_sql.read_bytes())
            admin.execute("RESET ROLE")
            recharge(sealed, north, 4)
            with acting(sealed.isp):
                assert sum_balance("bank", DAY) == 1504
            assert services.seal_all_books(sealed.isp, now=NOW).entries == 2
            with acting(sealed.isp):
                assert sum_balance("bank", DAY) == 1504
        finally:
            admin.execute("RESET ROLE")
            admin.execute("ALTER TABLE entry ALTER COLUMN xid SET DEFAULT pg_current_xact_id()")
            admin.execute("DELETE FROM xid_epoch")
            for epoch in epochs:
                admin.execute("INSERT INTO xid_epoch VALUES (%s, %s, %s, %s)", epoch)
