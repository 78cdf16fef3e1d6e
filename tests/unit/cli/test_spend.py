"""`minimill spend`: tables, exports, spans of time."""

import csv
import io
import json
from pathlib import Path

import pytest

from .conftest import Run, lines


def test_models_with_totals_for_each_currency(run: Run, books: str) -> None:
    """The default table: dearest first, unknown as unknown, no total over currencies."""
    result = run("spend", "--ledger", books)
    assert result.stdout == lines(
        """
        model                 calls  attempts  input   cached  output  reasoning       charged   held  estimated  of unknown cost
        --------------------  -----  --------  -----  -------  ------  ---------  ------------  -----  ---------  ---------------
        glm:g1                    2         2   ≥ 30     ≥ 10    ≥ 12        ≥ 0  ¥0.010138502  ¥0.01
        qwen:q1                   1         1      0        0       0          0  ¥0.000000000
        openai:o1                 1         1  1,100  unknown      50    unknown        $0.003            $0.003
        vllm:own                  1         1      5  unknown       7    unknown       unknown                                  1
        --------------------  -----  --------  -----  -------  ------  ---------  ------------  -----  ---------  ---------------
        total CNY                 2         3   ≥ 30     ≥ 10    ≥ 12        ≥ 0  ¥0.010138502  ¥0.01
        total USD                 1         1  1,100  unknown      50    unknown        $0.003            $0.003
        total of no currency      1         1      5  unknown       7    unknown       unknown                                  1
        """  # noqa: E501  # a table is as wide as it is
    )
    assert result.stderr == ""


def test_two_keys_the_outermost_first(run: Run, books: str) -> None:
    """Apps by name, days in order of time; a day without that currency has no line."""
    assert run("spend", "--by", "app", "--by", "day", "--since", "2026-11-24", "--ledger", books).stdout == lines(
        """
        app                   day         calls  attempts    input   cached   output  reasoning  charged   held  of unknown cost
        --------------------  ----------  -----  --------  -------  -------  -------  ---------  -------  -----  ---------------
        (none)                2026-11-24      1         1        5  unknown        7    unknown  unknown                       1
        batch                 2026-11-24      1         1  unknown  unknown  unknown    unknown    ¥0.01  ¥0.01
        --------------------  ----------  -----  --------  -------  -------  -------  ---------  -------  -----  ---------------
        total CNY                             1         1  unknown  unknown  unknown    unknown    ¥0.01  ¥0.01
        total of no currency                  1         1        5  unknown        7    unknown  unknown                       1
        """  # noqa: E501
    )


def test_one_line_for_each_attempt(run: Run, books: str) -> None:
    """Ids for `explain`, in order of time, in the zone that was asked for."""
    assert run("spend", "--attempts", "--zone", "Asia/Shanghai", "--ledger", books).stdout == lines(
        """
        time                 attempt  model      app       status              input   output       charged  certainty
        -------------------  -------  ---------  --------  ----------------  -------  -------  ------------  ---------
        2026-11-23 18:00:00  c1-1     qwen:q1    helpdesk  RateLimitedError        0        0  ¥0.000000000  released
        2026-11-23 18:00:03  c1-2     glm:g1     helpdesk  ok                     30       12  ¥0.000138502  exact
        2026-11-24 04:00:00  c2-1     openai:o1  batch     ok                  1,100       50        $0.003  estimated
        2026-11-24 17:00:00  c3-1     glm:g1     batch     TransportError    unknown  unknown  ¥0.010000000  held
        2026-11-24 18:00:00  c4-1     vllm:own             ok                      5        7       unknown  unpriced
        """
    )


def test_csv_on_standard_output(run: Run, books: str) -> None:
    """Exact units, empty where unknown, with the number of attempts that did not say."""
    assert run("spend", "--by", "tag:user", "--csv", "--ledger", books).stdout == lines(
        """
        tag:user,currency,calls,attempts,input_tokens,cached_input_tokens,output_tokens,reasoning_tokens,charged,held,estimated,corrected,unknown_input_tokens,unknown_cached_input_tokens,unknown_output_tokens,unknown_reasoning_tokens,unknown_charged
        (none),CNY,1,1,,,,,0.01,0.01,0,0,1,1,1,1,0
        42,CNY,1,2,30,10,12,0,0.000138502,0,0,0,0,0,0,0,0
        (none),USD,1,1,1100,,50,,0.003,0,0.003,0,0,1,0,1,0
        (none),,1,1,5,,7,,,0,0,0,0,1,0,1,1
        """
    )


def test_jsonl_into_a_file(run: Run, books: str, tmp_path: Path) -> None:
    """One object a line; nothing is printed."""
    assert run("spend", "--by", "provider", "--jsonl", "out.jsonl", "--ledger", books).stdout == ""
    first, *others = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert first == {
        "provider": "glm",
        "currency": "CNY",
        "calls": 2,
        "attempts": 2,
        "input_tokens": 30,
        "cached_input_tokens": 10,
        "output_tokens": 12,
        "reasoning_tokens": 0,
        "charged": "0.010138502",
        "held": "0.01",
        "estimated": "0",
        "corrected": "0",
        "unknown_input_tokens": 1,
        "unknown_cached_input_tokens": 1,
        "unknown_output_tokens": 1,
        "unknown_reasoning_tokens": 1,
        "unknown_charged": 0,
    }
    assert [(line["provider"], line["charged"]) for line in others] == [
        ("qwen", "0"),
        ("openai", "0.003"),
        ("vllm", None),
    ]


def test_attempts_as_jsonl(run: Run, books: str) -> None:
    """Everything that the books know, apart from the arithmetic."""
    second = run("spend", "--attempts", "--jsonl", "-", "--ledger", books).stdout.splitlines()[1]
    assert json.loads(second) == {
        "attempt_id": "c1-2",
        "call_id": "c1",
        "provider": "glm",
        "model": "g1",
        "app": "helpdesk",
        "route": "default",
        "tags": {"user": "42"},
        "started_at": "2026-11-23T10:00:03.600000+00:00",
        "finished_at": "2026-11-23T10:00:04.100000+00:00",
        "status": "ok",
        "certainty": "exact",
        "currency": "CNY",
        "reserved": "0.000600005",
        "charged": "0.000138502",
        "corrected": "0",
        "input_tokens": 30,
        "cached_input_tokens": 10,
        "cache_write_tokens": None,
        "output_tokens": 12,
        "reasoning_tokens": 0,
        "first_token_s": 0.25,
        "finish_reason": "stop",
        "request_id": "req-7",
        "http_status": 200,
    }


def test_attempts_as_csv(run: Run, books: str) -> None:
    """Tags are JSON inside their cell; what was not billed cost 0, what is unknown is empty."""
    rows = list(csv.DictReader(io.StringIO(run("spend", "--attempts", "--csv", "--ledger", books).stdout)))
    assert [(row["attempt_id"], row["tags"], row["charged"]) for row in rows] == [
        ("c1-1", '{"user": "42"}', "0"),
        ("c1-2", '{"user": "42"}', "0.000138502"),
        ("c2-1", "{}", "0.003"),
        ("c3-1", "{}", "0.01"),
        ("c4-1", "{}", ""),
    ]


@pytest.mark.parametrize(
    ("span", "attempts"),
    [
        (["--since", "2026-11-23", "--until", "2026-11-23"], ["c1-1", "c1-2", "c2-1"]),
        (["--since", "2026-11-24"], ["c3-1", "c4-1"]),
        (["--since", "2026-11-24", "--zone", "Asia/Shanghai"], ["c2-1", "c3-1", "c4-1"]),
        (["--until", "2026-11-23T10:00:03"], ["c1-1"]),
        (["--since", "2026-11-23T20:00+00:00", "--until", "2026-11-24T09:00Z"], ["c2-1"]),
    ],
)
def test_a_span_of_time(run: Run, books: str, span: list[str], attempts: list[str]) -> None:
    """From the first instant to before the last; a day counts whole, in the zone that is named."""
    out = run("spend", "--attempts", "--csv", *span, "--ledger", books).stdout
    assert [line.partition(",")[0] for line in out.splitlines()[1:]] == attempts


def test_nothing_in_that_time(run: Run, books: str) -> None:
    """A sentence, and success."""
    assert run("spend", "--since", "2027-01-01", "--ledger", books).stdout == (
        "nothing was spent: the books hold no attempt of that time\n"
    )


def test_books_that_do_not_exist_yet_are_not_made(run: Run, tmp_path: Path) -> None:
    """The configured ledger: nothing was spent, and there is still no file."""
    (tmp_path / "minimill.toml").write_text('ledger = "sqlite:///books.db"\n', encoding="utf-8")
    assert run("spend").stdout == f"nothing was spent: there is no ledger at {tmp_path}/books.db yet\n"
    assert [path.name for path in tmp_path.iterdir()] == ["minimill.toml"]


def test_books_in_memory(run: Run) -> None:
    """They are another process's, and gone."""
    assert run("spend", "--ledger", "memory:").stdout == (
        "nothing was spent: the ledger is memory:, which ends with the process that keeps it\n"
    )


def test_a_named_ledger_must_exist(run: Run, tmp_path: Path) -> None:
    """A typing error makes no empty books."""
    result = run("spend", "--ledger", "sqlite:///typo.db", code=1)
    assert result.stderr == f"error: there is no ledger at {tmp_path}/typo.db\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--by", "provder"], "found 'provder'; did you mean provider?"),
        (["--by", "tag:"], "expected app, route, provider, model, day, month, status or tag:NAME, found 'tag:'"),
        (["--attempts", "--by", "app"], "say either --attempts or --by, not both"),
        (["--csv", "a", "--jsonl", "b"], "say either --jsonl or --csv, not both"),
        (["--since", "noon"], "expected a time such as 2026-11-24, 2026-11-24T08:30, today, 24h or 7d, found 'noon'"),
        (["--zone", "Mars/Base"], "no time zone is called 'Mars/Base'; write one such as Asia/Shanghai or UTC"),
        (["--ledger", "books.db"], "a ledger is a URL beginning with one of memory:, sqlite:"),
    ],
)
def test_a_wrong_use_is_one_line(run: Run, args: list[str], said: str) -> None:
    """Exit code 2; the line says what was expected."""
    result = run("spend", *args, code=2)
    assert said in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_a_file_that_cannot_be_written(run: Run, books: str) -> None:
    """The line names the file."""
    result = run("spend", "--csv", "missing/out.csv", "--ledger", books, code=1)
    assert result.stderr == "error: missing/out.csv: No such file or directory\n"
