"""Markdown on a screen of 40 columns: its styles, and what happens to markers that are never closed."""

from __future__ import annotations

from collections import Counter

import pytest

from .rendering import SAMPLES, marked, show

BOLD, ITALIC, CODE, DIM, LINK, HEADING = "<1>", "<3>", "<36>", "<2>", "<4>", "<1;35>"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("# One", ["<1;35>One</>"], id="heading"),
        pytest.param("###Three", ["###Three"], id="no heading without a space"),
        pytest.param("**a** *b* ***c*** __d__ _e_", ["<1>a</> <3>b</> <1;3>c</> <1>d</> <3>e</>"], id="emphasis"),
        pytest.param("**a *b* c** ~~d~~", ["<1>a </><1;3>b</><1> c</> <9>d</>"], id="nested emphasis"),
        pytest.param("**a\nb** c", ["<1>a</>", "<1>b</> c"], id="over a line break"),
        pytest.param("a `b *c*` ``d`e``", ["a <36>b *c*</> <36>d`e</>"], id="inline code"),
        pytest.param("2*3*4 2 * 3 2**10 (*) *.py", ["2*3*4 2 * 3 2**10 (*) *.py"], id="stars that are none"),
        pytest.param("a_b_c __init__.py", ["a_b_c <1>init</>.py"], id="underscores in words"),
        pytest.param("**这**里", ["<1>这</>里"], id="emphasis without spaces"),
        pytest.param("$a_1 *b* c_2$ *d*", ["$a_1 *b* c_2$ <3>d</>"], id="formula"),
        pytest.param("\\(x^*y^*\\) *d*", ["\\(x^*y^*\\) <3>d</>"], id="formula in brackets"),
        pytest.param("$$\n- *a*\n$$\n*b*", ["$$", "- *a*", "$$", "<3>b</>"], id="formula on lines of its own"),
        pytest.param("<b>x</b> &amp; <br>", ["<b>x</b> &amp; <br>"], id="HTML"),
        pytest.param("\\*a\\* \\[b\\]", ["*a* \\[b\\]"], id="escapes"),
        pytest.param("- a\n  * b\n1. c", ["• a", "  • b", "1. c"], id="lists"),
        pytest.param("- [ ] a\n- [x] b", ["☐ a", "☑ b"], id="task list"),
        pytest.param("> a\n> > b\n\nc", ["<2>│ </>a", "<2>│ │ </>b", "", "c"], id="quotes"),
        pytest.param("a\n---\nb", ["a", f"<2>{'─' * 40}</>", "b"], id="a rule, not a Setext heading"),
        pytest.param("[a](http://b) c", ["<4>a</><2> (http://b)</> c"], id="link"),
        pytest.param("[http://b](http://b)", ["<4>http://b</>"], id="a link that shows its target"),
        pytest.param("[a] (b) [c](d", ["[a] (b) [c](d"], id="no link"),
        pytest.param("```py\na *b*\n\n  c\n```\nd", ["<36>a *b*</>", "", "<36>  c</>", "d"], id="code"),
        pytest.param("- a\n  ```\n  b\n    c\n  ```", ["• a", "<36>b</>", "<36>  c</>"], id="code in a list"),
        pytest.param("a\n\n    b *c*\n\nd", ["a", "", "    <36>b *c*</>", "", "d"], id="indented code"),
        pytest.param("```\na", ["<36>a</>"], id="code that does not end"),
        pytest.param("~~~\n```\n~~~", ["<36>```</>"], id="a fence in another"),
        pytest.param("a\n\n\nb", ["a", "", "", "b"], id="blank lines"),
    ],
)
def test_what_is_shown(text, lines):
    for pieces in ([text], list(text)):
        assert marked(show(pieces, 40)) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("a **b c\n\nd", ["a **b c", "", "d"], id="in place while its line is the last one"),
        pytest.param("a *b\n- c", ["a *b", "• c"], id="an item ends the paragraph"),
        pytest.param("a `b\n\nc", ["a `b", "", "c"], id="code"),
        pytest.param("a **b *c** d", ["a <1>b *c</> d"], id="in a style that ends"),
        pytest.param(
            "a **b " + "word " * 10 + "\n\nc",
            ["a <1>b word word word word word word word</>", "<1>word word word </>**", "", "c"],
            id="else where its style ends",
        ),
    ],
)
def test_a_marker_that_is_never_closed(text, lines):
    for pieces in ([text], list(text)):
        assert marked(show(pieces, 40)) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param(
            "1. **one** two three four five six seven eight\n   - nine ten eleven twelve thirteen fourteen",
            [
                "1. one two three four five six seven",
                "   eight",
                "   • nine ten eleven twelve thirteen",
                "     fourteen",
            ],
            id="lists",
        ),
        pytest.param(
            "> one two three four five six seven eight nine",
            ["│ one two three four five six seven", "│ eight nine"],
            id="quotes",
        ),
        pytest.param(
            "```\nx = one two three four five six seven eight\n```",
            ["x = one two three four five six seven ei", "ght"],
            id="code is the terminal's",
        ),
    ],
)
def test_what_continues_a_line(text, lines):
    assert show(list(text), 40).lines == lines


def test_without_colours_words_are_wrapped_and_markers_stay():
    text = "# A **heading**\n- one two three four five six seven eight\n> a quote `that` goes on and on in the next row"
    assert show(list(text), 40, styled=False).lines == [
        "# A **heading**",
        "- one two three four five six seven",
        "  eight",
        "> a quote `that` goes on and on in the",
        "  next row",
    ]


class TestTables:
    TABLE = "| Name | Age |\n|:-----|----:|\n| **web** | 3d |\n| `db` | 120m |\n"

    def test_columns_are_aligned(self):
        assert marked(show(list(self.TABLE + "\nend"), 40)) == [
            "<1>Name</><2> │ </> <1> Age</>".replace("</> <1> Age", "</> <1>Age"),
            "<2>─────┼─────</>",
            "<1>web</> <2> │ </>  3d",
            "<36>db</>  <2> │ </>120m",
            "",
            "end",
        ]

    def test_a_sign_of_life_is_shown_until_it_ends(self):
        screen = show(["| a | b |\n", "|---|---|\n", "| 1 |"], finish=False)
        assert screen.lines == ["… 3 rows of a table"]

    def test_after_two_seconds_its_rows_are_shown_as_they_come(self):
        times = iter([0.0, 1.0, 2.5, 3.0, 4.0, 5.0])
        pieces = [
            "| a | b |\n|---",
            "|--:|\n",
            "| 1 | 2 |\n| 3 ",
            "| 4 |\n",
            "| five | 6 |",
            "\n\n| c |\n|---|\n",
        ]
        assert show(pieces, 30, clock=lambda: next(times)).lines == [
            "a                          │ b",
            "───────────────────────────┼──",
            "1                          │ 2",
            "3                          │ 4",
            "five                       │ 6",
            *("", "c", "─"),
        ]

    def test_after_two_seconds_without_its_delimiters_it_is_shown_as_it_came(self):
        times = iter([0.0, 2.5, 3.0, 4.0, 5.0])
        pieces = ["| a | b |\n|--", "-|", "---|\n| 1 |", " 2 |\n\nend"]
        lines = show(pieces, clock=lambda: next(times)).lines
        assert lines == ["| a | b |", "|---|---|", "| 1 | 2 |", "", "end"]

    def test_a_large_one_is_not_held_to_its_end(self):
        text = "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 7_000
        screen = show(text, finish=False)
        assert len(screen.lines) > 6_500
        assert screen.lines[-1] == "1".ljust(38) + " │ 2"

    def test_cells_are_wrapped_if_they_are_too_wide(self):
        words = "it **answers** what people ask it all day"
        text = f"| Name | About | No |\n|---|---|--:|\n| web | {words} | 1 |\n| db | x | 2 |\n"
        assert show(text, 30).lines == [
            "Name │ About              │ No",
            "─────┼────────────────────┼───",
            "web  │ it answers what    │  1",
            "     │ people ask it all  │",
            "     │ day                │",
            "─────┼────────────────────┼───",
            "db   │ x                  │  2",
        ]

    def test_one_with_too_many_columns_has_a_line_for_each_cell(self):
        text = "| a | b | c |\n|---|---|---|\n" + "| one two three four five | six seven eight | nine ten |\n" * 2
        assert show(text, 24).lines == [
            *("a: one two three four", "  five", "b: six seven eight", "c: nine ten", ""),
            *("a: one two three four", "  five", "b: six seven eight", "c: nine ten"),
        ]

    @pytest.mark.parametrize("text", ["|x| is a value\nand more\n", "| alone |\n", "| a |\n| b |\n"])
    def test_what_is_none_is_text(self, text):
        assert show(list(text)).lines == text.splitlines()


SCREENS = pytest.mark.parametrize("columns", [20, 40, 80])


@SCREENS
@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_looks_the_same_whatever_its_pieces(name, columns):
    text = SAMPLES[name]
    whole = show(text, columns).looks
    assert show(list(text), columns).looks == whole
    assert show([text[at : at + 7] for at in range(0, len(text), 7)], columns).looks == whole


@SCREENS
@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_of_a_sample_is_lost(name, columns):
    text = SAMPLES[name]
    plain = show(text, columns, styled=False)
    assert "".join("".join(plain.lines).split()) == "".join(text.split())
    if "[x]" not in text and "[http" not in text:
        words = "".join(
            line for line in text.splitlines(keepends=True) if not line.lstrip("> ").startswith(("```", "~~~"))
        )
        shown = Counter(char for char in "".join(show(text, columns).lines) if char.isalnum())
        assert not Counter(char for char in words if char.isalnum()) - shown
