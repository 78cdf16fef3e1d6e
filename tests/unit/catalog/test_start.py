"""Nothing is read or built before it is needed."""

import subprocess
import sys


def run(code: str) -> str:
    """The output of a fresh interpreter; warnings are errors there too."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_importing_minimill_imports_no_catalog() -> None:
    """Nor pydantic."""
    code = "import minimill, sys; print([m for m in sys.modules if 'pydantic' in m or 'catalog' in m])"
    assert run(code) == "[]"


def test_a_provider_costs_no_pydantic_models() -> None:
    """Checks are done by pydantic-core alone, whose schemas are built from the dataclasses."""
    code = (
        "from minimill.catalog import load_provider; import sys; load_provider('doubao');"
        "print('pydantic' in sys.modules, 'pydantic_core' in sys.modules)"
    )
    assert run(code) == "False True"


def test_one_provider_reads_one_file() -> None:
    """Others stay unread."""
    code = (
        "import sys; seen = [];"
        "sys.addaudithook(lambda e, a: e == 'open' and str(a[0]).endswith('.toml') and seen.append(str(a[0])));"
        "from minimill.catalog import find_model; find_model('doubao:doubao-pro-32k');"
        "print([name.rsplit('/', 1)[1] for name in seen])"
    )
    assert run(code) == "['doubao.toml']"


def test_the_configuration_reads_no_provider_file() -> None:
    """Only itself."""
    code = (
        "import sys; seen = [];"
        "sys.addaudithook(lambda e, a: e == 'open' and str(a[0]).endswith('.toml') and seen.append(str(a[0])));"
        "from minimill._config import load_settings;"
        "load_settings({'routes': {'default': {'models': ['doubao:x']}}}); print(seen)"
    )
    assert run(code) == "[]"
