"""Proofs that the books hold, as questions to a whole cell, all answered at one instant (SPEC §3, "Provable").

A question is one SQL statement that yields a row per thing that it looks at: whose books it belongs to (`operator_id`)
and `wrong` = NULL or what is wrong with it in words. Contexts above have questions of their own in the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connections

from backhaul.ledger.choices import CHART, OWN_EVENTS
from backhaul.ledger.periods import LATE, LOCKS
from backhaul.ledger.templates import TEMPLATES
from backhaul.operators.scope import survey

EXAMPLES = 5

# Both sides of every posting: code, party, debit and credit.
SIDES = """posting p CROSS JOIN LATERAL (VALUES (p.debit_code, p.debit_party, p.amount_minor, 0::bigint),
    (p.credit_code, p.credit_party, 0::bigint, p.amount_minor)) AS s (code, party_id, debit, credit)"""


# The operator's short name as o.slug, for rows that have an operator_id.
NAMED = "LEFT JOIN (SELECT id AS operator_id, slug FROM operator) AS o USING (operator_id)"

KINDS = ", ".join(f"'{kind}'" for kind in (*TEMPLATES, "manual", "year_close"))
# What the accounts of the template are, whatever an operator calls them.
KNOWN_ACCOUNTS = ", ".join(f"('{a.code}', '{a.kind}', '{a.party_kind or ''}')" for a in CHART)


@dataclass(frozen=True)
class Question:
    """`name` is stable, `says` is what holds when nothing is wrong, `sql` yields `operator_id` and `wrong`."""

    name: str
    says: str
    sql: str


@dataclass(frozen=True)
class Check:
    """The answer: how many things were looked at, and in words what holds or what does not."""

    name: str
    ok: bool
    count: int
    detail: str


@dataclass(frozen=True)
class Answer:
    """What one question found in one operator's books; `operator_id` None: in what belongs to no operator.

    `examples` are the first of it; `digest` is of all of it, but for figures that go on with every entry.
    """

    name: str
    operator_id: int | None
    looked: int
    wrong: int
    examples: tuple[str, ...]
    digest: str

    def told(self) -> Iterator[str]:
        """All that is wrong: the examples, and of the rest how much it is, so that other things read otherwise."""
        yield from self.examples
        if self.wrong > len(self.examples):
            yield f"{self.wrong - len(self.examples)} more of {self.name} ({self.digest})"


def _not_told(_answered: int, _question: Question) -> None:
    return


def ask_cell(
    questions: Sequence[Question], cell: str, told: Callable[[int, Question], None] = _not_told
) -> list[Answer]:
    """Put the questions to a whole cell, seen at one instant: an answer per question and operator.

    `told` is called before each question, with how many are answered.
    """
    answers: list[Answer] = []
    with survey(cell), connections["batch"].cursor() as cursor:
        for answered, question in enumerate(questions):
            told(answered, question)
            cursor.execute(
                "SELECT operator_id, count(*), count(wrong), (array_agg(wrong ORDER BY wrong) "
                f"FILTER (WHERE wrong IS NOT NULL))[1:{EXAMPLES}], "
                "left(md5(findings(string_agg(wrong, '; ' ORDER BY wrong))::text), 8) "
                f"FROM ({question.sql}) AS looked GROUP BY operator_id"
            )
            answers += [Answer(question.name, who, n, wrong, tuple(examples or ()), digest or "")
                        for who, n, wrong, examples, digest in cursor.fetchall()]  # fmt: skip
    return answers


def ask(questions: Sequence[Question], cells: Iterable[str]) -> list[Check]:
    """Put the questions to every cell; one answer per question."""
    return sum_up(questions, [answer for cell in cells for answer in ask_cell(questions, cell)])


def sum_up(questions: Sequence[Question], answers: Iterable[Answer]) -> list[Check]:
    """The answers of all operators together, one per question."""
    of: dict[str, list[Answer]] = {question.name: [] for question in questions}
    for answer in answers:
        of[answer.name].append(answer)
    return [_summed(question, of[question.name]) for question in questions]


def _summed(question: Question, answers: list[Answer]) -> Check:
    looked, wrong = sum(answer.looked for answer in answers), sum(answer.wrong for answer in answers)
    examples = [example for answer in answers for example in answer.examples][:EXAMPLES]
    more = "; …" if wrong > len(examples) else ""
    detail = f"{wrong} of {looked} wrong: {'; '.join(examples)}{more}" if wrong else question.says
    return Check(question.name, wrong == 0, looked, detail)


def _day_nets(table: str, key: str, what: str, condition: str) -> str:
    """Kept nets against the same sums over the postings below the watermark."""
    return f"""
        SELECT operator_id, CASE WHEN COALESCE(k.debit_minor, 0) <> COALESCE(r.debit, 0)
            OR COALESCE(k.credit_minor, 0) <> COALESCE(r.credit, 0)
            THEN format('%s %s on %s: kept %s/%s, postings say %s/%s', o.slug, {what}, day, k.debit_minor,
                k.credit_minor, r.debit, r.credit)
            END AS wrong
        FROM {table} k FULL JOIN (
            SELECT p.operator_id, {key}, p.effective_on AS day, sum(s.debit) AS debit, sum(s.credit) AS credit
            FROM {SIDES} JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id
            JOIN books b ON b.operator_id = p.operator_id AND e.xid < b.sealed_before
            WHERE {condition} GROUP BY p.operator_id, {key}, p.effective_on) AS r USING (operator_id, {key}, day)
        {NAMED}"""


QUESTIONS = (
    Question(
        "books.balance",
        "in every books, debits equal credits",
        """
        SELECT b.operator_id, CASE WHEN d.debit <> d.credit
            THEN format('%s: debits %s, credits %s', o.slug, d.debit, d.credit) END AS wrong
        FROM books b JOIN operator o ON o.id = b.operator_id LEFT JOIN (
            SELECT operator_id, sum(debit) AS debit, sum(credit) AS credit FROM (
                SELECT operator_id, debit_minor AS debit, credit_minor AS credit FROM account_day
                UNION ALL SELECT b.operator_id, u.debit_minor, u.credit_minor
                    FROM books b, unfolded(b.operator_id, 'infinity') u) AS sides
            GROUP BY operator_id) AS d USING (operator_id)""",
    ),
    Question(
        "books.entries",
        "every entry is of a known kind and has its postings, of its own day, and no posting is without an entry",
        f"""
        SELECT COALESCE(e.operator_id, p.operator_id) AS operator_id,
               CASE WHEN p.entry_id IS NULL THEN format('%s: entry %s has no postings', o.slug, e.id)
                    WHEN e.id IS NULL THEN format('%s: postings of an entry %s that is not there', o.slug, p.entry_id)
                    WHEN regexp_replace(e.kind, '^reversal:', '') NOT IN ({KINDS})
                    THEN format('%s: entry %s is of no kind that anything posts', o.slug, e.id)
                    WHEN p.first <> e.effective_on OR p.last <> e.effective_on
                    THEN format('%s: entry %s of %s has postings of another day', o.slug, e.id, e.effective_on)
                        END AS wrong
        FROM entry e FULL JOIN (
            SELECT operator_id, entry_id, min(effective_on) AS first, max(effective_on) AS last
                FROM posting GROUP BY 1, 2) AS p
            ON p.operator_id = e.operator_id AND p.entry_id = e.id
        LEFT JOIN operator o ON o.id = COALESCE(e.operator_id, p.operator_id)""",
    ),
    Question(
        "books.accounts",
        "every posting names accounts of its own books, with a party exactly where the account is kept by party",
        f"""
        SELECT s.operator_id,
               CASE WHEN a.code IS NULL THEN format('%s: there is no account %s', o.slug, s.code)
                    WHEN (a.kind, COALESCE(a.party_kind, '')) <> (c.kind, c.party_kind)
                    THEN format('%s: the account %s is not of its own kind', o.slug, s.code)
                    WHEN (a.party_kind IS NULL) <> s.bare THEN format('%s: %s is posted %s a party', o.slug, s.code,
                         CASE WHEN s.bare THEN 'without' ELSE 'with' END) END AS wrong
        FROM (SELECT DISTINCT p.operator_id, s.code, s.party_id IS NULL AS bare FROM {SIDES}) AS s
        LEFT JOIN account a ON a.operator_id = s.operator_id AND a.code = s.code
        LEFT JOIN (VALUES {KNOWN_ACCOUNTS}) AS c (code, kind, party_kind) ON c.code = s.code
            LEFT JOIN operator o ON o.id = s.operator_id""",
    ),
    Question(
        "books.reversals",
        "every reversal swaps the sides of what it reverses",
        """
        SELECT e.operator_id, CASE WHEN d.id IS NULL THEN format('%s: entry %s reverses nothing', o.slug, e.id)
                    WHEN EXISTS (
                        SELECT 1 FROM (SELECT debit_code, debit_party, credit_code, credit_party, amount_minor, n
                            FROM posting
                                       WHERE operator_id = e.operator_id AND entry_id = e.id) AS after
                        FULL JOIN (SELECT credit_code, credit_party, debit_code, debit_party, amount_minor, n
                            FROM posting
                                   WHERE operator_id = d.operator_id AND entry_id = d.id)
                            AS before (debit_code, debit_party, credit_code, credit_party, amount_minor, n) USING (n)
                        WHERE (after.debit_code, after.debit_party, after.credit_code, after.credit_party,
                            after.amount_minor)
                            IS DISTINCT FROM (before.debit_code, before.debit_party, before.credit_code,
                            before.credit_party, before.amount_minor))
                    THEN format('%s: entry %s does not undo entry %s', o.slug, e.id, d.id) END AS wrong
        FROM entry e LEFT JOIN entry d ON d.operator_id = e.operator_id AND d.id = e.reverses_id
        LEFT JOIN operator o ON o.id = e.operator_id WHERE e.reverses_id IS NOT NULL""",
    ),
    Question(
        "books.locked_periods",
        "nothing was recorded into a closed period after it was closed, and books are closed as their history says",
        f"""
        SELECT l.operator_id, CASE WHEN e.id IS NOT NULL
               THEN format('%s: entry %s of %s was recorded after that day was closed', o.slug, e.id, e.effective_on)
                   END AS wrong
        FROM ({LOCKS}) AS l JOIN operator o ON o.id = l.operator_id
        LEFT JOIN LATERAL (SELECT e.id, e.effective_on FROM {LATE.format(lock="l")}) AS e ON true
        UNION ALL
        SELECT b.operator_id, CASE WHEN b.locked_through IS DISTINCT FROM l.locked_through
               THEN format('%s: closed through %s, where its history says %s', o.slug, b.locked_through,
                           l.locked_through)
                    WHEN l.broken THEN format('%s: a closing or reopening is not the next of its history', o.slug) END
        FROM books b JOIN operator o ON o.id = b.operator_id LEFT JOIN (
            SELECT DISTINCT ON (operator_id) operator_id, id, locked_through, bool_or(broken) OVER w AS broken
            FROM (SELECT *, locked_before IS DISTINCT FROM lag(locked_through) OVER w
                            OR xid < lag(xid) OVER w OR recorded_at < lag(recorded_at) OVER w AS broken
                  FROM books_lock WINDOW w AS (PARTITION BY operator_id ORDER BY id)) AS history
            WINDOW w AS (PARTITION BY operator_id) ORDER BY operator_id, id DESC) AS l ON l.operator_id = b.operator_id
        WHERE b.locked_through IS NOT NULL OR l.id IS NOT NULL
        UNION ALL
        SELECT e.operator_id, CASE WHEN l.id IS NULL
               THEN format('%s: entry %s ends a year that nobody closed', o.slug, e.id) END
        FROM entry e JOIN operator o ON o.id = e.operator_id
        LEFT JOIN books_lock l ON l.operator_id = e.operator_id AND l.id = e.source_id AND l.kind = 'year_close'
             AND l.locked_through = e.effective_on
        WHERE e.kind = 'year_close'""",
    ),
    Question(
        "books.seals",
        "every block of the journal is as it was sealed, and the chain of each books is whole",
        """
        SELECT s.operator_id,
               CASE WHEN (s.hash, s.entries, s.amount_minor) IS DISTINCT FROM (f.hash, f.entries, f.amount_minor)
                    THEN format('%s, block %s: its entries were changed after it was sealed; they come to %s',
                                o.slug, s.no, left(encode(f.hash, 'hex'), 12))
                    WHEN s.previous_hash <> COALESCE(s.before_hash, '') OR s.no <> COALESCE(s.before_no, 0) + 1
                         OR s.xid_from <> COALESCE(s.before_end, '0')
                             THEN format('%s, block %s: not the next of the chain', o.slug, s.no)
                    END AS wrong
        FROM (SELECT *, lag(hash) OVER w AS before_hash, lag(no) OVER w AS before_no,
                     lag(xid_before) OVER w AS before_end
              FROM seal WINDOW w AS (PARTITION BY operator_id ORDER BY no)) AS s JOIN operator o ON o.id = s.operator_id
        CROSS JOIN LATERAL block_facts(s.operator_id, s.no, s.xid_from, s.xid_before, s.sealed_at,
                                       s.previous_hash) AS f
        UNION ALL
        SELECT b.operator_id,
               CASE WHEN s.no IS DISTINCT FROM NULLIF(b.last_seal_no, 0)
                         OR COALESCE(s.xid_before, '0') <> b.sealed_before
                    THEN format('%s, block %s: the last seal is missing', o.slug, b.last_seal_no) END
        FROM books b JOIN operator o ON o.id = b.operator_id
        LEFT JOIN (SELECT DISTINCT ON (operator_id) operator_id, no, xid_before
            FROM seal ORDER BY operator_id, no DESC) AS s
            USING (operator_id)""",
    ),
    Question(
        "books.heads",
        "every daily head is the hash of a block that its day had, and the debits of all blocks up to it",
        """
        SELECT operator_id,
               CASE WHEN h.seal_no IS NULL THEN format('%s: the head of %s is missing', o.slug, on_date)
                    WHEN (h.hash, h.debits_minor) IS DISTINCT FROM (s.hash, s.debits::bigint)
                    THEN format('%s: the head of %s is not what block %s says', o.slug, on_date, h.seal_no)
                    WHEN on_date <> (h.made_at AT TIME ZONE d.time_zone)::date - 1
                         OR on_date < (s.sealed_at AT TIME ZONE d.time_zone)::date
                    THEN format('%s: the head of %s is of another day', o.slug, on_date) END AS wrong
        FROM daily_head h FULL JOIN head_mail m USING (operator_id, on_date)
        LEFT JOIN operator o ON o.id = operator_id LEFT JOIN isp_directory d ON d.isp_id = o.isp_id
        LEFT JOIN (SELECT operator_id AS of, no, hash, sealed_at,
                          sum(amount_minor) OVER (PARTITION BY operator_id ORDER BY no) AS debits
                   FROM seal) AS s ON s.of = operator_id AND s.no = h.seal_no""",
    ),
    Question(
        "books.own_events",
        "what people recorded has its entry, of its day and with its amounts",
        f"""
        SELECT operator_id,
               CASE WHEN k.minor IS NULL
                    THEN format('%s: an entry of something recorded (%s %s) that is not there', o.slug, kind, id)
                    WHEN (b.on_day, b.minor, b.reason) IS DISTINCT FROM (k.on_day, k.minor, k.reason)
                      OR NOT array_remove(ARRAY[k.paid_code, k.chosen_code], NULL) <@ b.codes
                    THEN format('%s: what was recorded as %s %s is not posted as it is', o.slug, kind, id) END AS wrong
        FROM (SELECT operator_id, kind, id, effective_on AS on_day, reason, paid_code, chosen_code,
                     (SELECT sum(abs(value::numeric)) FROM jsonb_each_text(amounts)) AS minor FROM own_event) AS k
        FULL JOIN (SELECT e.operator_id, e.kind, e.source_id AS id, e.effective_on AS on_day, e.reason,
                          sum(p.amount_minor) AS minor, array_agg(p.debit_code) || array_agg(p.credit_code) AS codes
                   FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
                   WHERE e.kind IN ({", ".join(f"'{kind}'" for kind in OWN_EVENTS)}) GROUP BY 1, 2, 3, 4, 5) AS b
            USING (operator_id, kind, id)
        {NAMED}""",
    ),
    Question(
        "books.manual_entries",
        "what was posted by hand is what its event says, line by line",
        f"""
        SELECT operator_id,
               CASE WHEN k.reason IS NULL THEN format('%s: an entry by hand %s, of which no event is there', o.slug, id)
                    WHEN (k.effective_on, k.reason, k.lines) IS DISTINCT FROM (b.effective_on, b.reason, b.lines)
                    THEN format('%s: the entry by hand %s is not posted as it is', o.slug, id) END AS wrong
        FROM manual_entry k FULL JOIN (
            SELECT e.operator_id, e.source_id AS id, e.effective_on, e.reason, jsonb_agg(jsonb_build_object(
                       'debit_code', p.debit_code, 'credit_code', p.credit_code, 'amount_minor', p.amount_minor)
                       ORDER BY p.n) AS lines
            FROM entry e LEFT JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
            WHERE e.kind = 'manual' GROUP BY e.operator_id, e.id) AS b USING (operator_id, id)
        {NAMED}""",
    ),
    Question(
        "books.account_days",
        "the kept day nets of accounts equal the sealed postings",
        _day_nets("account_day", "code", "code", "true"),
    ),
    Question(
        "books.kind_days",
        "the kept sums of each kind of entry equal the sealed entries",
        f"""
        SELECT operator_id, CASE WHEN (k.entries, k.amount_minor, k.receivable_minor)
                IS DISTINCT FROM (r.entries, r.amount_minor, r.receivable_minor)
            THEN format('%s %s on %s: kept %s/%s, entries say %s/%s', o.slug, entry_kind, day, k.entries,
                k.amount_minor, r.entries, r.amount_minor) END AS wrong
        FROM kind_day k FULL JOIN (
            SELECT b.operator_id, s.* FROM books b, kinds_between(b.operator_id, '0', b.sealed_before, '-infinity') AS s
            ) AS r USING (operator_id, entry_kind, day)
        {NAMED}""",
    ),
    Question(
        "books.party_days",
        "the kept day nets of parties equal the sealed postings",
        _day_nets("party_day", "code, party_id", "code || ':' || party_id", "s.party_id IS NOT NULL"),
    ),
    Question(
        "books.party_standings",
        "where parties stand equals their day nets, and who ever stood on the wrong side is known",
        f"""
        SELECT operator_id, CASE WHEN k.net_minor IS DISTINCT FROM r.net OR k.through IS DISTINCT FROM r.through
                    THEN format('%s %s:%s: kept %s through %s, days say %s through %s', o.slug, code, party_id,
                                k.net_minor, k.through, r.net, r.through)
                    WHEN r.crossed AND NOT k.crossed
                    THEN format('%s %s:%s stood on the wrong side, and is not known to', o.slug, code, party_id)
                    END AS wrong
        FROM party_standing k FULL JOIN (
            SELECT operator_id, code, party_id, max(day) AS through, max(net) FILTER (WHERE is_last) AS net,
                   bool_or(CASE WHEN kind IN ('asset', 'expense') THEN net < 0 ELSE net > 0 END) AS crossed
            FROM (SELECT d.operator_id, d.code, d.party_id, d.day, a.kind,
                         sum(d.debit_minor - d.credit_minor) OVER w AS net, lead(d.day) OVER w IS NULL AS is_last
                  FROM party_day d JOIN account a ON a.operator_id = d.operator_id AND a.code = d.code
                  WINDOW w AS (PARTITION BY d.operator_id, d.code, d.party_id ORDER BY d.day)) AS days
            GROUP BY operator_id, code, party_id) AS r USING (operator_id, code, party_id)
        {NAMED}""",
    ),
)
