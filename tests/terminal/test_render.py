"""What is written to a terminal: the last row is rewritten, and nothing above it."""

from __future__ import annotations

import time

from kaito.terminal.render import Renderer

from .rendering import SAMPLES, show
from .screen import Screen


def written(pieces, **options):
    renderer = Renderer(lambda: 20, styled=True, **options)
    return [*map(renderer.feed, pieces), renderer.finish()]


def test_words_are_written_as_they_come():
    assert written(["Hello", " wor", "ld"]) == ["Hello", " wor", "ld", ""]


def test_each_piece_has_its_style_and_ends_in_none():
    assert written(["**bo", "ld** no"]) == ["\x1b[1mbo\x1b[0m", "\x1b[1mld\x1b[0m no", ""]


def test_a_word_that_is_too_long_moves():
    assert written(["one two three fo", "urteen x"])[1] == "\r\x1b[Kone two three \nfourteen x"


def test_a_terminal_without_control_sequences_is_blanked():
    assert written(["one two three fo", "urteen"], erases=False)[1] == f"\r{' ' * 19}\rone two three \nfourteen"


def test_a_number_is_shown_before_it_is_known_to_be_one_of_a_list():
    assert written(["4", "2"]) == ["4", "\r\x1b[K42", "\r\x1b[K42"]
    assert show(["1", ". one"]).lines == ["1. one"]


def test_a_base_style_is_under_all_text():
    assert written(["a **b**"], base=32)[0] == "\x1b[2ma \x1b[0m\x1b[1;2mb\x1b[0m"


def test_a_row_on_a_screen_that_has_become_narrower_is_not_rewritten():
    columns = 40
    renderer = Renderer(lambda: columns, styled=True)
    renderer.feed("one two **three four")
    columns = 10
    assert renderer.finish() == "\none two **three four"


def test_rows_after_a_resize_have_the_new_width():
    screen = Screen(40)
    renderer = Renderer(lambda: screen.columns, styled=True)
    screen.write(renderer.feed("one two three four five six seven eight nine ten "))
    screen.columns = 60
    screen.write(renderer.feed("eleven twelve thirteen fourteen fifteen sixteen seventeen"))
    assert screen.lines == [
        "one two three four five six seven eight",
        "nine ten eleven twelve thirteen fourteen",
        "fifteen sixteen seventeen",
    ]


def test_long_answers_take_linear_time_and_bounded_memory():
    texts = ["\n" * 50_000 + "a", "*" * 50_000, "`" * 50_000, "a " * 50_000, "|" * 60_000, "[" * 20_000, "> " * 20_000]
    texts += [
        "](" * 20_000,
        "[a](" * 10_000,
        "**a" * 20_000,
        "```\n" * 20_000,
        "\u0301" * 20_000,
        "- " * 20_000,
        "#" * 50_000,
    ]
    for text in texts:
        began = time.process_time()
        show(text)
        assert time.process_time() - began < 3, text[:10]


def test_a_sample_of_each_kind_is_there():
    assert len(SAMPLES) >= 60
