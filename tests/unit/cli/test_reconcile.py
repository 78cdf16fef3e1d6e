"""`minimill budget reconcile`: unconfirmed attempts against a vendor's usage export."""

import io
from pathlib import Path

import pytest

from minimill import Client, LedgerError
from minimill.cli._progress import Progress

from .conftest import Run, lines

SHAPE = """
[usage_exports.glm]
provider = "glm"
request_id = "Request ID"
time = "Time"
model = "Model"
input_tokens = "Input"
output_tokens = "Output"
amount = "Cost"
currency = "CNY"
"""
HEAD = "Request ID,Time,Model,Input,Output,Cost\n"
HELD = "rx-1,2026-11-24T09:00:00Z,g1,30,12,0.0041\n"
SETTLED = "req-7,2026-11-23T10:00:03Z,g1,30,12,0.000138502\n"


@pytest.fixture
def shape(tmp_path: Path, books: str) -> Path:
    """A configuration that names the books and the columns."""
    path = tmp_path / "minimill.toml"
    path.write_text(f'ledger = "{books}"\n{SHAPE}', encoding="utf-8")
    return path


def export(tmp_path: Path, text: str, name: str = "bill.csv", encoding: str = "utf-8") -> str:
    (tmp_path / name).write_bytes(text.encode(encoding))
    return name


def test_what_waits_without_an_export(run: Run, shape: Path) -> None:
    """The attempts that wait for a correction, and what the books know of them."""
    assert run("budget", "reconcile").stdout == lines(
        """
        attempt  model     since                input  output  counts as
        -------  --------  -------------------  -----  ------  ---------
        c3-1     glm:g1    2026-11-24 09:00:00                     ¥0.01
        c4-1     vllm:own  2026-11-24 10:00:00      5       7    unknown
        """
    )


def test_it_shows_and_books_nothing(run: Run, shape: Path, tmp_path: Path) -> None:
    """Without --apply."""
    name = export(tmp_path, HEAD + SETTLED + HELD + "zz,2026-11-24T09:00:00Z,g2,1,1,1\n")
    assert run("budget", "reconcile", name).stdout == lines(
        """
        attempt  model   since                line  found by             books     bill
        -------  ------  -------------------  ----  -------------------  -----  -------
        c3-1     glm:g1  2026-11-24 09:00:00  3     model, time, tokens  ¥0.01  ¥0.0041
        of no attempt in the books: line 4
        1 to correct, 1 agree with the books, 0 differ, 0 in doubt, 0 not in the export, 1 lines of no attempt
        nothing was booked: repeat it with --apply
        """
    )
    assert "¥0.01" in run("budget", "holds").stdout


def test_it_books_each_as_an_entry_of_its_own_and_once(run: Run, shape: Path, tmp_path: Path) -> None:
    """With --apply; the second run finds nothing to do. The reason names the file and its line."""
    name = export(tmp_path, HEAD + SETTLED + HELD)
    assert run("budget", "reconcile", name, "--apply").stdout.endswith("\n1 corrected\n")
    assert run("budget", "holds").stdout == "nothing is held\n"
    assert "¥0.0041" in run("budget").stdout
    again = run("budget", "reconcile", name, "--apply").stdout
    assert again == lines(
        """
        0 to correct, 2 agree with the books, 0 differ, 0 in doubt, 0 not in the export, 0 lines of no attempt
        0 corrected
        """
    )
    assert run("budget", "audit").exit_code == 0
    assert entries(tmp_path) == [("hold", None), ("correct", "glm bill.csv line 3")]


def entries(tmp_path: Path) -> list[tuple[str, str | None]]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "made.db")) as db:
        return db.execute("SELECT kind, reason FROM entries ORDER BY seq").fetchall()


def test_a_reason_of_ones_own(run: Run, shape: Path, tmp_path: Path) -> None:
    """It is kept in place of the file's name."""
    name = export(tmp_path, HEAD + HELD)
    run("budget", "reconcile", name, "--apply", "--reason", "invoice 7")
    assert entries(tmp_path)[-1] == ("correct", "invoice 7")


def test_what_is_in_doubt_missing_or_different(run: Run, shape: Path, tmp_path: Path) -> None:
    """Each is named; none is booked."""
    text = HEAD + SETTLED.replace("138502", "138503") + HELD + HELD.replace("rx-1", "rx-2").replace("0041", "0042")
    assert run("budget", "reconcile", export(tmp_path, text), "--apply").stdout == lines(
        """
        settled otherwise than the export says (not corrected; minimill budget correct does it):
        attempt  model   since                line  found by           books          bill
        -------  ------  -------------------  ----  ----------  ------------  ------------
        c1-2     glm:g1  2026-11-23 10:00:03  2     request id  ¥0.000138502  ¥0.000138503
        in doubt: c3-1, lines 3, 4: several lines may be its own
        0 to correct, 0 agree with the books, 1 differ, 1 in doubt, 0 not in the export, 0 lines of no attempt
        0 corrected
        """
    )
    other = HEAD + HELD.replace("g1", "g9")
    assert "not in the export: c3-1 glm:g1 of 2026-11-24 09:00:00\n" in run(
        "budget", "reconcile", export(tmp_path, other)
    ).stdout


def test_a_model_without_a_price(run: Run, tmp_path: Path, books: str) -> None:
    """What was unpriced costs what the export says, in its currency."""
    shape = SHAPE.replace('provider = "glm"', 'provider = "vllm"').replace('"CNY"', '"EUR"')
    (tmp_path / "minimill.toml").write_text(f'ledger = "{books}"\n{shape}', encoding="utf-8")
    name = export(tmp_path, HEAD + "x,2026-11-24T10:00:00Z,own,5,7,0.5\n")
    assert run("budget", "reconcile", name, "--apply").stdout.endswith("\n1 corrected\n")
    assert "1 agree with the books" in run("budget", "reconcile", name).stdout


def test_a_correction_that_cannot_be_booked(
    run: Run, shape: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told and counted, the others go on, and the exit code is 1."""

    async def full(*args: object, **more: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(Client, "correct", full)
    found = run("budget", "reconcile", export(tmp_path, HEAD + HELD), "--apply", code=1)
    assert found.stdout.endswith("\nc3-1 was not corrected: the disk is full\n0 corrected\n")


# --- the file and its columns ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "bill.csv: it is empty; a first line with the names of the columns is expected"),
        (
            HEAD.replace("Request ID", "RequestID"),
            'bill.csv: there is no column "Request ID", did you mean "RequestID"? (usage_exports.glm.request_id)',
        ),
        (
            HEAD.replace("Cost", "Zz"),
            'bill.csv: there is no column "Cost"; there are "Request ID", "Time", "Model", "Input", "Output", "Zz" '
            "(usage_exports.glm.amount)",
        ),
        (HEAD.replace("\n", ",Cost\n"), 'bill.csv: two columns are called "Cost" (usage_exports.glm.amount)'),
        (HEAD + "a,b\n", "bill.csv line 2: expected 6 columns as in the first line, found 2"),
        (
            HEAD + HELD + HELD.replace("0.0041", "4 cents"),
            'bill.csv line 3: Cost: expected a number such as 0.0123, found "4 cents"',
        ),
        (HEAD + HELD.replace("0.0041", ""), 'bill.csv line 2: Cost: expected a number such as 0.0123, found ""'),
        (
            HEAD + HELD.replace("30", "3e"),
            'bill.csv line 2: Input: expected a count of tokens, found "3e"',
        ),
        (HEAD + HELD.replace("30", "1.5"), 'bill.csv line 2: Input: expected a count of tokens, found "1.5"'),
        (
            HEAD + HELD.replace("2026-11-24T09:00:00Z", "24.11.2026"),
            "bill.csv line 2: Time: expected an ISO 8601 time such as 2026-11-24T08:30:00, found \"24.11.2026\" "
            "(time_format)",
        ),
        (HEAD + 'a,"b"c,,,,1\n', "bill.csv line 2: it is not comma-separated: ',' expected after '\"'"),
        (HEAD + HELD.replace("0.0041", "99999999999"), "bill.csv line 2: Cost: an amount beyond 9.2 billion units does "
         "not fit the books"),
    ],
)  # fmt: skip
def test_a_bad_export_is_one_line(run: Run, shape: Path, tmp_path: Path, text: str, said: str) -> None:
    """File, line, column, what was expected; exit code 2, and nothing is booked."""
    result = run("budget", "reconcile", export(tmp_path, text), "--apply", code=2)
    assert result.stderr == f"error: {said}\n"
    assert result.stdout == ""


def test_text_in_another_encoding(run: Run, shape: Path, tmp_path: Path) -> None:
    """It is told, and read when the configuration names it."""
    name = export(tmp_path, HEAD + HELD.replace("rx-1", "号"), encoding="gbk")
    found = run("budget", "reconcile", name, code=2)
    assert found.stderr.startswith("error: bill.csv: it is not utf-8 text (encoding): ")
    shape.write_text(shape.read_text("utf-8") + 'encoding = "gbk"\n', encoding="utf-8")
    assert "1 to correct" in run("budget", "reconcile", name).stdout


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("", "\ufeff" + HEAD + HELD),
        ("", HEAD + "\n" + HELD + ",,,,,\n"),
        ("", HEAD + HELD.replace("0.0041", "¥0.0041")),
        ("", HEAD + HELD.replace("0.0041", "4.1E-3")),
        ('zone = "Asia/Shanghai"\n', HEAD + HELD.replace("2026-11-24T09:00:00Z", "2026-11-24 17:00:00")),
        ('time_format = "unix"\n', HEAD + HELD.replace("2026-11-24T09:00:00Z", "1795510800")),
        ('time_format = "unix_ms"\n', HEAD + HELD.replace("2026-11-24T09:00:00Z", "1795510800123")),
        ('time_format = "%d.%m.%Y %H:%M"\n', HEAD + HELD.replace("2026-11-24T09:00:00Z", "24.11.2026 09:00")),
        ('delimiter = ";"\n', (HEAD + HELD).replace(",", ";")),
        ('[usage_exports.glm.models]\n"GLM One" = "g1"\n', HEAD + HELD.replace("g1", "GLM One")),
    ],
)
def test_ways_to_write_an_export(run: Run, shape: Path, tmp_path: Path, keys: str, text: str) -> None:
    """A byte-order mark, empty lines, signs, exponents, zones, times, separators, other names of models."""
    shape.write_text(shape.read_text("utf-8") + keys, encoding="utf-8")
    assert "¥0.0041\n1 to correct" in run("budget", "reconcile", export(tmp_path, text)).stdout


def test_a_column_of_currencies(run: Run, shape: Path, tmp_path: Path) -> None:
    """Each line says its own; what is none is told."""
    text = shape.read_text("utf-8").replace('currency = "CNY"', 'currency_column = "Unit"')
    shape.write_text(text, encoding="utf-8")
    head = HEAD.replace("Cost", "Cost,Unit")
    assert "1 to correct" in run("budget", "reconcile", export(tmp_path, head + HELD.strip() + ",cny\n")).stdout
    found = run("budget", "reconcile", export(tmp_path, head + HELD.strip() + ",Yuan\n"), code=2)
    assert found.stderr == (
        'error: bill.csv line 2: Unit: expected a currency of three letters such as CNY, found "YUAN"\n'
    )


def test_which_shape(run: Run, shape: Path, tmp_path: Path) -> None:
    """None, one, several, and a name that is wrong."""
    name = export(tmp_path, HEAD + HELD)
    assert run("budget", "reconcile", name, "--as", "gml", code=2).stderr == (
        "error: no usage export is called 'gml'; did you mean glm?\n"
    )
    shape.write_text(shape.read_text("utf-8") + SHAPE.replace(".glm]", ".other]"), encoding="utf-8")
    assert run("budget", "reconcile", name, code=2).stderr == (
        "error: say with --as which of the usage exports it is: glm, other\n"
    )
    assert "1 to correct" in run("budget", "reconcile", name, "--as", "glm").stdout
    shape.write_text("", encoding="utf-8")
    assert run("budget", "reconcile", name, code=2).stderr == (
        "error: the configuration says nothing about usage exports: name the columns in [usage_exports.NAME]\n"
    )


def test_nothing_to_apply(run: Run, shape: Path) -> None:
    """--apply without a file."""
    assert run("budget", "reconcile", "--apply", code=2).stderr == (
        "error: say which usage export: minimill budget reconcile EXPORT\n"
    )


def test_no_such_file(run: Run, shape: Path, tmp_path: Path) -> None:
    """A file that is not there, and a folder."""
    assert run("budget", "reconcile", "none.csv", code=2).stderr == "error: none.csv: No such file or directory\n"
    assert run("budget", "reconcile", str(tmp_path), code=2).stderr.endswith(": Is a directory\n")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal() -> None:
    """One line that is written over, five times a second, and gone at the end; elsewhere nothing."""
    now = [0.0]
    screen, pipe = Screen(), io.StringIO()
    for file in (screen, pipe):
        now[0] = 0.0
        with Progress("reading", 200, file=file, clock=lambda: now[0]) as progress:
            for done in range(0, 201, 50):
                progress(done)
                now[0] += 0.15
    assert screen.getvalue() == "\rreading 50 %\rreading 100 %\r\x1b[K"
    assert pipe.getvalue() == ""
