"""HTML: its text in order, with headings, lists, tables and code; what nobody sees is listed apart."""

from __future__ import annotations

import pytest

from steelyard.retrieve.documents.css_colors import WHITE, Paint, contrast, paint_of
from steelyard.retrieve.documents.css_sheet import rules_in
from steelyard.retrieve.documents.css_values import pixels
from steelyard.retrieve.documents.html_text import read_html
from steelyard.retrieve.documents.selectors import specificity

PAGE = """<!doctype html><html><head><title>Manual &amp; more</title><style>.c {color: red}</style></head>
<body>
<nav><ul><li><a href=/>Home</a><li><a href=/b>Docs</a></ul></nav>
<h2>Set <em>up</em></h2><p>Hello   <b>world</b>,<br>line&nbsp;two.</p><script>var x</script>
<ol start=3><li>one<ul><li>in a</li><li><p>in b</p></li></ul></li><li>two</li></ol>
<pre><code>def f():
    # comment
    return 1
</code></pre>
<table><caption>Limits</caption><thead><tr><th>Name</th><th>Value</th></tr></thead>
<tr><td rowspan=9007199254740991>a<br>b</td><td>1 <b>x</b></td></tr><tr><td>c</td><td></td></tr></table>
<dl><dt>Term</dt><dd>Meaning</dd></dl><p>end<img alt="a picture"></p><template>no</template>
<details><summary>More</summary>Inside.</details><noscript>no</noscript></body></html>"""
TEXT = """# Manual & more

- Home
- Docs

## Set up

Hello world,
line two.

3. one
  - in a
  - in b
4. two

```
def f():
    # comment
    return 1
```

Limits

| Name | Value |
| a b | 1 x |
| c |  |

Term
Meaning

end

More

Inside.
"""


def test_a_page_reads_like_markdown() -> None:
    parsed = read_html(PAGE)
    assert parsed.text == TEXT
    assert parsed.hidden == ()
    assert parsed.metadata == (("title", "Manual & more"),)


def test_a_title_is_no_heading_where_the_page_has_one() -> None:
    assert read_html("<title>T</title><h1>H</h1>x").text == "# H\n\nx\n"


def test_a_table_that_only_places_blocks_is_no_table() -> None:
    page = "<table><tr><td><h3>Left</h3><p>one</p></td><td><p>two</p></td></tr></table>"
    assert read_html(page).text == "### Left\n\none\n\ntwo\n"


SHEETS = ".off{display:none} #gone, .x > .y {visibility:hidden} p.light{color:#fefefe} .zero{font-size:0}"
HIDDEN = {
    "display none": '<p style="display: none">SECRET</p>',
    "by class": '<p class="off">SECRET</p>',
    "by id": '<p id="gone">SECRET</p>',
    "by a path": '<div class="x"><p class="y">SECRET</p></div>',
    "by class, deep inside": '<div class="off"><div><p>SEC<b>RET</b></p></div></div>',
    "hidden": "<p hidden>SECRET</p>",
    "hidden until found": '<p hidden="until-found">SECRET</p>',
    "aria-hidden": '<p aria-hidden="true">SECRET</p>',
    "visibility": '<p style="visibility:hidden">SECRET</p>',
    "collapse": '<p style="visibility:collapse">SECRET</p>',
    "opacity": '<p style="opacity:0">SECRET</p>',
    "opacity in percent": '<p style="opacity:1%">SECRET</p>',
    "no size": '<p style="font-size:0">SECRET</p>',
    "one point": '<p style="font-size:1pt">SECRET</p>',
    "no size by class": '<p class="zero">SECRET</p>',
    "small of small": '<div style="font-size:.1em"><p style="font-size:.1em">SECRET</p></div>',
    "left of the screen": '<p style="position:absolute;left:-9999px">SECRET</p>',
    "above the screen": '<p style="position:fixed; top:-200em">SECRET</p>',
    "indented away": '<p style="text-indent:-9999px">SECRET</p>',
    "moved away": '<p style="transform:translateX(-9999px)">SECRET</p>',
    "scaled to nothing": '<p style="transform: scale(0)">SECRET</p>',
    "white on white": '<p style="color:white">SECRET</p>',
    "nearly white": '<p style="color:#fdfdfd">SECRET</p>',
    "rgb": '<p style="color:rgb(255, 255, 255)">SECRET</p>',
    "by a class of light": '<p class="light">SECRET</p>',
    "font color": "<font color=white>SECRET</font>",
    "black on black": '<div style="background:#000"><p style="color:#000">SECRET</p></div>',
    "its own ground": '<p style="background:#123456;color:#123457">SECRET</p>',
    "transparent": '<p style="color:transparent">SECRET</p>',
    "no alpha": '<p style="color:rgba(0,0,0,0)">SECRET</p>',
    "clipped": '<p style="position:absolute;clip:rect(0,0,0,0)">SECRET</p>',
    "clip path": '<p style="clip-path: inset(50%)">SECRET</p>',
    "no height": '<div style="height:0;overflow:hidden">SECRET</div>',
    "one pixel": '<div style="width:1px;height:1px;overflow:hidden">SECRET</div>',
    "important": '<p style="display:none!important" class="shown">SECRET</p>',
    "in a list": '<ul><li style="display:none">SECRET</li><li>x</li></ul>',
    "in a cell": '<table><tr><td>x</td><td style="display:none">SECRET</td></tr></table>',
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_nobody_sees_is_left_out_and_listed(name: str) -> None:
    source = f"<style>{SHEETS}</style><p>Before.</p>{HIDDEN[name]}<p>After.</p>"
    parsed = read_html(source)
    assert "SECRET" not in parsed.text
    assert "Before." in parsed.text
    assert "After." in parsed.text
    assert [item.text for item in parsed.hidden] == ["SECRET"]
    assert parsed.hidden[0].where.startswith("<")
    assert "SECRET" in read_html(source, keep_hidden=True).text


CLEAN = {
    "print rules": "<style>@media print{.p{display:none}}</style><p class=p>SEEN</p>",
    "narrow screens": "<style>@media (max-width:600px){.p{display:none}}</style><p class=p>SEEN</p>",
    "a state": "<style>.p:hover{display:none} .p::after{opacity:0}</style><p class=p>SEEN</p>",
    "overruled": "<style>.p{display:none} .p.open{display:block}</style><p class='p open'>SEEN</p>",
    "overruled inline": "<style>.p{display:none}</style><p class=p style='display:block'>SEEN</p>",
    "overruled strongly": "<style>p{display:block!important}</style><p style='display:none'>SEEN</p>",
    "seen again": "<div style='visibility:hidden'><p style='visibility:visible'>SEEN</p></div>",
    "a size again": "<div style='font-size:0'><span style='font-size:14px'>SEEN</span></div>",
    "white on dark": "<div style='background:#222'><p style='color:#fff'>SEEN</p></div>",
    "white on a picture": "<div style='background:url(x.png)'><p style='color:#fff'>SEEN</p></div>",
    "on a gradient": "<div style='background:linear-gradient(red,blue)'><i style='color:#fff'>SEEN</i></div>",
    "on who knows": "<link rel=stylesheet href=x.css><div class=hero><p style='color:#fff'>SEEN</p></div>",
    "an old dark page": "<body bgcolor='#000000' text='#FFFFFF'><p>SEEN</p></body>",
    "a dark page": "<style>html{background:#111} body{color:#eee}</style><p>SEEN</p>",
    "a colour by a variable": "<style>body{background:#000;color:var(--light)}</style><p>SEEN</p>",
    "dark by who knows": "<link rel=stylesheet href=x.css><div style='background:#000'>SEEN</div>",
    "letters of a gradient": "<h1 style='background:linear-gradient(red,blue);color:transparent'>SEEN</h1>",
    "a page that fades in": "<style>body{opacity:0;visibility:hidden}</style><p>SEEN</p>",
    "visibility inherited": "<p style='visibility:inherit;color:inherit'>SEEN</p>",
    "grey": "<p style='color:#999'>SEEN</p>",
    "small print": "<p style='font-size:7pt'>SEEN</p>",
    "half transparent": "<p style='opacity:.5'>SEEN</p>",
    "a little to the left": "<p style='margin-left:-20px;position:relative;left:-5px'>SEEN</p>",
    "cut where it overflows": "<div style='overflow:hidden;height:200px'>SEEN</div>",
    "a comment in the sheet": "<style>/* .p{display:none} */</style><p class=p>SEEN</p>",
    "a closed detail": "<details><summary>x</summary>SEEN</details>",
}


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_seen_is_not_flagged(name: str) -> None:
    parsed = read_html(CLEAN[name])
    assert "SEEN" in parsed.text
    assert parsed.hidden == ()


def test_numbers_that_are_not_read_out_stay_and_links_that_skip_are_not_listed() -> None:
    page = (
        '<a href="#main" style="position:absolute;left:-999px">Skip to content</a>'
        '<h2><b aria-hidden="true">1.2.</b> Text</h2>'
    )
    parsed = read_html(page)
    assert (parsed.text, parsed.hidden) == ("## 1.2. Text\n", ())


def test_a_hidden_link_that_leads_elsewhere_is_listed() -> None:
    (item,) = read_html('<a href="//evil" style="display:none">Skip to content</a>x').hidden
    assert item.text == "Skip to content"


def test_kinds_are_named() -> None:
    page = "<p hidden>a</p><p style='color:#fff'>b</p><p style='opacity:0'>c</p>"
    assert [i.kind for i in read_html(page).hidden] == [
        "hidden_attribute",
        "same_color",
        "transparent",
    ]


def test_style_values() -> None:
    assert pixels("1pt") == pytest.approx(4 / 3)
    assert pixels("50%", 20) == 10
    assert pixels("auto") is None
    assert paint_of("#fff") == Paint(WHITE)
    assert paint_of("rgba(0 0 0 / 0)") == Paint((0, 0, 0), 0)
    assert paint_of("var(--x)") is None
    assert contrast(WHITE, (0, 0, 0)) == pytest.approx(21)
    assert specificity("#a .b p") == (1, 1, 1)
    sheet = "a,b{color:red} c{x:y} @media screen{d{opacity:0}} } e{x:y} f{x:y}"
    assert [rule.selectors for rule in rules_in(sheet)] == [
        ("a", "b"),
        ("c",),
        ("d",),
        ("} e",),
        ("f",),
    ]


@pytest.mark.parametrize("piece", ["<ul><li>", "<div>", "<b><i>", "<table><tr><td>", "<span>"])
def test_pages_nest_without_recursion(piece: str) -> None:
    assert "deep" in read_html(piece * 1000 + "deep").text
