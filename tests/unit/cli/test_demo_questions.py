"""The demo's workload: real text, different for every call."""

from minimill.cli._demo_questions import chinese_prompts, docstring_prompts, local_questions, questions


def test_questions_are_about_the_running_python() -> None:
    """Docstrings of many modules, each question with the text it is about."""
    prompts = docstring_prompts()
    assert len(prompts) > 300
    assert len({prompt.split()[5].rpartition(".")[0] for prompt in prompts}) > 40
    (dumps,) = (prompt for prompt in prompts if "what json.dumps is for" in prompt)
    assert "Serialize" in dumps


def test_chinese_questions_ship_with_the_package() -> None:
    """Eighty lines, none twice, all in Chinese."""
    prompts = chinese_prompts()
    assert len(prompts) == len(set(prompts)) == 80
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in prompt) for prompt in prompts)


def test_no_two_questions_of_a_run_are_the_same() -> None:
    """Also where the texts have to be used again."""
    asked = [*questions(4000), *local_questions(24)]
    assert len({one.text for one in asked}) == len(asked) == 4024
    assert len({one.number for one in asked}) == 4024


def test_the_mix() -> None:
    """A quarter is Chinese, at least half is streamed, a few users leave."""
    asked = questions(300)
    assert sum(one.app == "wenda" for one in asked) == 75
    assert sum(one.stream for one in asked) == 156
    assert sum(one.leaves for one in asked) == 12
    assert all(one.stream for one in asked if one.leaves)
