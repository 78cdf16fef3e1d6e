"""The benchmarks run end to end with tiny sizes and without peers. What they measure is not asserted."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[2] / "benchmarks"
OURS = ["minimill, memory", "minimill, SQLite", "bare transport", "httpx"]
ONLY = ["--only", *OURS]


def run(script: str, *arguments: str) -> str:
    """What a script prints; it has to end well."""
    command = [sys.executable, str(HERE / script), *arguments]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


def results(script: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """What a script writes as JSON."""
    path = folder / f"{Path(script).stem}.json"
    run(script, "--rounds", "1", "--json", str(path), *arguments)
    return json.loads(path.read_text(encoding="utf-8"))


def kinds(found: dict[str, Any], case: str) -> list[str]:
    """Which kinds have a row of a case."""
    return [row["kind"] for row in found["rows"] if row["case"] == case]


@pytest.fixture(scope="module")
def overhead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one short run of overhead.py."""
    folder = tmp_path_factory.mktemp("overhead")
    sizes = ["--at-once", "1", "5", "--delays", "0", "10", "--seconds", "0.02", "--idle", "10"]
    results("overhead.py", folder, *ONLY, *sizes)
    return folder / "overhead.json"


def test_overhead_measures_every_case_of_every_kind(overhead: Path) -> None:
    """Four cases of concurrency and latency, a large prompt, idle connections."""
    found = json.loads(overhead.read_text(encoding="utf-8"))
    cases = [f"{number} at once, {delay} ms" for delay in (0, 10) for number in (1, 5)]
    for case in [*cases, "200 KB prompt", "idle connections"]:
        assert kinds(found, case) == OURS, case
    assert found["notes"] == []
    assert {"cpu_us", "calls_s", "p50_ms", "p99_ms"} <= found["rows"][0]["values"].keys()


def test_idle_connections_are_open_while_calls_are_measured(overhead: Path) -> None:
    """The server counts them."""
    found = json.loads(overhead.read_text(encoding="utf-8"))
    counted = {row["kind"]: row["values"]["connections"] for row in found["rows"] if row["case"] == "idle connections"}
    assert counted == {kind: [10] for kind in OURS}


def test_a_peer_that_is_not_installed_is_absent_and_named(tmp_path: Path) -> None:
    """Other kinds keep their rows."""
    code = "import sys, _bench, runpy, pathlib; _bench.PEERS = pathlib.Path('/nowhere'); sys.argv = sys.argv[1:]; "
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", code, str(HERE / "streams.py"), "--only", "httpx", "openai"]
    command += ["--rounds", "1", "--chunks", "20", "--seconds", "0.01", "--first", "5"]
    found = subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(HERE)}, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "openai is not installed, so it has no row: benchmarks/peers.py" in found.stdout
    assert "| httpx " in found.stdout


def test_streams_measures_chunks_and_first_words(tmp_path: Path) -> None:
    """Each kind reads whole streams, and the disk is measured beside them."""
    found = results("streams.py", tmp_path, *ONLY, "--chunks", "30", "--seconds", "0.01", "--first", "5")
    assert kinds(found, "burst") == OURS
    assert kinds(found, "one by one") == OURS
    assert kinds(found, "first words") == [*OURS, "fsync of 4 KiB"]
    assert found["notes"] == []


def test_ledger_measures_callers_accounts_and_records(tmp_path: Path) -> None:
    """In memory, in SQLite, and the same rows by hand."""
    sizes = ["--seconds", "0.02", "--at-once", "1", "5", "--accounts", "1", "20", "--records", "0", "50"]
    found = results("ledger.py", tmp_path, *sizes)
    assert kinds(found, "5 at once") == ["memory", "SQLite", "SQLite by hand"]
    assert kinds(found, "20 accounts") == ["memory", "SQLite"]
    assert kinds(found, "50 records") == ["memory", "SQLite"]


def test_steps_names_where_the_time_goes(tmp_path: Path) -> None:
    """Every step of a call is met with both ledgers."""
    found = results("steps.py", tmp_path, "--calls", "5", "--candidates", "2")
    for case in ("plan: ceiling", "encode", "send: the transport", "decode", "settle: the ledger", "all"):
        assert kinds(found, case) == ["memory", "SQLite"], case


def test_imports_counts_what_comes_along(tmp_path: Path) -> None:
    """minimill brings httpx, and httpx is in its list."""
    found = results("imports.py", tmp_path, "--only", "minimill", "minimill, its Client", "httpx")
    rows = {(row["case"], row["kind"]): row["values"] for row in found["rows"]}
    assert rows["installed", "minimill"]["distributions"] > rows["installed", "httpx"]["distributions"]
    assert rows["import", "minimill"]["modules"] < rows["import", "minimill, its Client"]["modules"]


def test_leaks_finds_no_socket_task_or_hold() -> None:
    """Every abandoned stream keeps its hold, and nothing else stays."""
    printed = run("leaks.py", "--calls", "50", "--streams", "10", "--at-once", "5")
    assert printed.count("| yes |") == 5
    assert "NO" not in printed


def test_first_answer_compares_fresh_processes(tmp_path: Path) -> None:
    """All three kinds answer."""
    found = results("first_answer.py", tmp_path)
    assert kinds(found, "first answer") == ["httpx + pydantic", "minimill, memory", "minimill, SQLite"]


def test_compare_tells_better_from_worse_and_from_noise(tmp_path: Path) -> None:
    """Rounds that overlap are no change; more calls a second are better, more CPU is worse."""
    empty: dict[str, Any] = {name: {} for name in ("machine", "options", "versions")}
    run_ = {"benchmark": "overhead", "revision": "a", "at": "", "notes": [], **empty}
    old = {"cpu_us": [100, 110], "calls_s": [50, 52], "p50_ms": [1.0, 2.0]}
    new = {"cpu_us": [200, 210], "calls_s": [80, 82], "p50_ms": [1.5, 3.0]}
    for name, values in (("old", old), ("new", new)):
        row = {"case": "1 at once, 0 ms", "kind": "httpx", "values": values}
        (tmp_path / name).write_text(json.dumps({**run_, "rows": [row]}), encoding="utf-8")
    printed = run("compare.py", str(tmp_path / "old"), str(tmp_path / "new"))
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if "httpx" in line]
    assert [(line[2], line[5], line[6]) for line in lines] == [
        ("cpu_us", "1.95 ×", "worse"),
        ("calls_s", "1.59 ×", "better"),
    ]
    assert "1 figures are the same within their spread." in printed


def test_picture_is_a_drawing_for_light_and_dark_pages(overhead: Path, tmp_path: Path) -> None:
    """Well-formed, with a line for each kind, and fetching nothing."""
    run("picture.py", str(overhead), "--delay", "10", "--folder", str(tmp_path))
    for name in ("overhead.svg", "overhead-dark.svg"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
        for kind in OURS:
            assert any(word.startswith(kind) for word in words), kind
        assert "href" not in text and "url(" not in text


def test_report_prints_results_again(overhead: Path) -> None:
    """The tables and the promises of a run, from its file alone."""
    printed = run("report.py", str(overhead))
    assert "### CPU µs a call, 10 ms" in printed
    assert "| minimill, SQLite: CPU with idle connections ÷ with one " in printed
