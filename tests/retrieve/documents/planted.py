"""Ways to hide a text, SECRET, in pages and in Markdown, and lawful uses of the same means, SEEN.

Each page is the pair of what stands in its head and in its body.
"""

from __future__ import annotations


def _sheet(rules: str, body: str = "<p class=x>SECRET</p>") -> tuple[str, str]:
    return f"<style>{rules}</style>", body


def _inline(style: str, text: str = "SECRET") -> tuple[str, str]:
    return "", f'<p style="{style}">{text}</p>'


HIDDEN_BY_RULES = {
    "media of a width": _sheet("@media (min-width:1px){.x{display:none}}"),
    "media in ranges": _sheet("@media (400px <= width){.x{display:none}}"),
    "media of screens": _sheet("@media screen and (min-width:100px){.x{display:none}}"),
    "media of screens only": _sheet("@media only screen{.x{display:none}}"),
    "media of some": _sheet("@media print, screen{.x{display:none}}"),
    "media not print": _sheet("@media not print{.x{display:none}}"),
    "media of light": _sheet("@media (prefers-color-scheme:light){.x{display:none}}"),
    "media of some desktops": _sheet("@media (min-width:1500px){.x{display:none}}"),
    "shown on paper": _sheet(".x{display:none} @media print{.x{display:block}}"),
    "shown on telephones": _sheet(".x{display:none} @media (max-width:500px){.x{display:block}}"),
    "supports": _sheet("@supports (display:grid){.x{display:none}}"),
    "supports who knows what": _sheet("@supports (foo:bar){.x{display:none}}"),
    "shown where who knows": _sheet(".x{display:none} @supports (foo:bar){.x{display:block}}"),
    "layer": _sheet("@layer a{.x{display:none}}"),
    "container": _sheet("@container (min-width:1px){.x{display:none}}"),
    "import before": _sheet("@import url(x;.css);.x{display:none}"),
    "nested": _sheet(".a{.x{display:none}}", "<div class=a><p class=x>SECRET</p></div>"),
    "nested by sign": _sheet(".a{& .x{display:none}}", "<div class=a><p class=x>SECRET</p></div>"),
    "nested twice": _sheet(
        ".a{color:red;&.b{>.x{display:none}}}", "<div class='a b'><p class=x>SECRET</p></div>"
    ),
    "media nested": _sheet(".x{@media screen{display:none}}"),
    "not hover": _sheet(".x:not(:hover){display:none}"),
    "not focus-visible": _sheet(".x:not(:focus-visible){display:none}"),
    "is": _sheet(":is(.x,.y){display:none}"),
    "where": _sheet(":where(.x){display:none}"),
    "a list with brackets": _sheet(".y:is(.z), .x{display:none}"),
    "a comma in a string": _sheet("[title='a,b'],.x{display:none}"),
    "a language": _sheet(".x:lang(en){display:none}"),
    "comment marks of old": _sheet("<!-- .x{display:none} -->"),
    "a brace in a string": _sheet(".q{quotes:'{' '{'} .x{display:none}"),
    "a closing brace in a string": _sheet(".q::before{content:'}'} .x{display:none}"),
    "a comment in a string": _sheet(".q{content:'/*'} .x{display:none} .q{content:'*/'}"),
    "an escaped selector": _sheet(".\\78 {display:none}"),
    "an escaped value": _sheet(".x{display:n\\6fne}"),
    "an escaped property": _sheet(".x{disp\\6c ay:none}"),
    "a variable": _sheet(":root{--d:none}.x{display:var(--d)}"),
    "a variable of a variable": _sheet(":root{--c:var(--w);--w:#fff}.x{color:var(--c)}"),
    "a fallback": _sheet(".x{color:var(--nothing, #fff)}"),
    "a variable inside": _sheet(
        ".a{--s:0}.x{font-size:var(--s)}", "<div class=a><p class=x>SECRET</p></div>"
    ),
    "an invalid value behind": _sheet(".x{display:none;display:foo}"),
    "a comment in a value behind": _sheet(".x{display:none;display:blo/**/ck}"),
    "a rule that browsers refuse behind": _sheet(".x{display:none} .x, :!{display:block}"),
    "shown by a sheet for paper": (
        "<style>.x{display:none}</style><style media=print>.x{display:block}</style>",
        "<p class=x>SECRET</p>",
    ),
    "shown by a sheet of another type": (
        "<style>.x{display:none}</style><style type=text/less>.x{display:block}</style>",
        "<p class=x>SECRET</p>",
    ),
    "shown without scripts": (
        "<style>.x{display:none}</style><noscript><style>.x{display:block}</style></noscript>",
        "<p class=x>SECRET</p>",
    ),
    "a sheet for screens": (
        "<style media=screen>.x{display:none}</style>",
        "<p class=x>SECRET</p>",
    ),
    "unclosed": _sheet(".x{display:none"),
    "checked": _sheet(
        ":not(:checked)~.x{display:none}", "<input type=checkbox><p class=x>SECRET</p>"
    ),
}
_OUT = "@keyframes out{to{opacity:0}}"
_IN = "@keyframes in{to{opacity:1}}"
HIDDEN_BY_RULES |= {
    "important before": _sheet(".x{display:none!important;display:block}"),
    "a box without content": _sheet(".x{color:#fff}.x::before{position:absolute;background:#123}"),
    "a box that is not coloured": _sheet(".x{color:#fff}.x::before{content:'';position:absolute}"),
    "a box that is not seen": _sheet(
        ".x{color:#fff}.x::before{content:'';position:absolute;background:#123;opacity:0}"
    ),
    "a box of another": _sheet(
        ".x{color:#fff}.y::before{content:'';position:absolute;background:#123}"
    ),
    "the later of two layers": _sheet(
        "@layer a,b;@layer b{.x{display:none}}@layer a{.x{display:block}}"
    ),
    "important in a layer": _sheet(
        "@layer a{.x{display:none!important}}.x{display:block!important}"
    ),
    "important in the earlier layer": _sheet(
        "@layer a,b;@layer b{.x{opacity:1!important}}@layer a{.x{opacity:0!important}}"
    ),
    "a layer within a layer": _sheet(
        "@layer a{@layer b{#y{display:block}}.x{display:none}}", "<p class=x id=y>SECRET</p>"
    ),
    "a layer without a name": _sheet("@layer{.x{display:block}}@layer{.x{display:none}}"),
    "no layer beats all": _sheet(
        ".x{opacity:0}@layer a{#y{opacity:1}}", "<p class=x id=y>SECRET</p>"
    ),
    "frames that all hide": _sheet("@keyframes a{from,to{opacity:0}}.x{animation:a 9s infinite}"),
    "frames that hide in the end": _sheet(_OUT + ".x{animation:out 0s forwards}"),
    "frames that hide by longhands": _sheet(
        _OUT + ".x{animation-name:out;animation-duration:1s;animation-fill-mode:both}"
    ),
    "frames in reverse": _sheet(_IN + ".x{opacity:0;animation:in 1s reverse forwards}"),
    "there and back": _sheet(
        "@keyframes b{from{opacity:0}to{opacity:1}}.x{animation:b 1s 2 alternate forwards}"
    ),
    "an animation of nothing": _sheet(".x{opacity:0;animation:nothing 1s forwards}"),
    "an animation that is over": _sheet(_IN + ".x{opacity:0;animation:in 1s}"),
    "an animation that nobody waits for": _sheet(_IN + ".x{opacity:0;animation:in 1s 900s both}"),
    "a paused animation": _sheet(_IN + ".x{opacity:0;animation:in 1s forwards paused}"),
    "stronger than an animation": _sheet(_IN + ".x{opacity:0!important;animation:in 1s forwards}"),
    "no animation": _sheet(_IN + ".x{opacity:0;animation:none}"),
    "a faint pulse": _sheet(
        "@keyframes p{from{opacity:0}to{opacity:.02}}.x{animation:p 1s infinite}"
    ),
    "a transition that nothing begins": _sheet(".x{opacity:0;transition:opacity 1s}"),
}
HIDDEN_BY_STYLE = {
    style: _inline(style)
    for style in (
        "display:/**/none",
        "display:n\\6fne",
        "DISPLAY:NONE ! important",
        "background:url('data:image/png;base64,AA;x');display:none",
        "opacity:calc(0)",
        "font-size:calc(0px)",
        "font-size:calc(1px * .5)",
        "font:0/0 a",
        "font: 1px Arial",
        "position:absolute;left:9999px",
        "position:absolute;left:200vw",
        "position:fixed;left:-100%",
        "position:absolute;left:-100%",
        "position:fixed;top:-100vh",
        "position:absolute;inset:-9999px auto auto -9999px",
        "position:absolute;left:calc(0px - 9999px)",
        "position:absolute;inset-inline-start:-999em",
        "margin:0 0 0 -9999px",
        "margin-top:-9999px",
        "margin-left:-9999px",
        "text-indent:9999px;overflow:hidden",
        "translate:-9999px",
        "transform:translateY(-9999px)",
        "transform:rotate(1deg) translate(-9999px, 0)",
        "scale:0",
        "transform:scale(0.001)",
        "transform:scaleY(0)",
        "transform:matrix(0,0,0,0,0,0)",
        "zoom:0.01",
        "clip-path:polygon(0 0,0 0,0 0)",
        "clip-path:polygon(0 0,100% 0,50% 0)",
        "clip-path:circle(0)",
        "clip-path:inset(0 100% 0 0)",
        "-webkit-clip-path:inset(100%)",
        "height:0;overflow-y:hidden",
        "max-height:0;overflow:hidden",
        "width:0;height:0;overflow:clip",
        "block-size:0;overflow:hidden",
        "filter:opacity(0)",
        "filter:blur(1px) opacity(0%)",
        "-webkit-text-fill-color:transparent",
        "-webkit-text-fill-color:white",
        "color:oklch(1 0 0)",
        "color:oklab(99% 0 0)",
        "color:lab(100% 0 0)",
        "color:color(srgb 1 1 1)",
        "color:color(display-p3 1 1 1)",
        "color:hwb(0 100% 0%)",
        "color:hsl(60,100%,99.5%)",
        "color:hsl(0 0% 100%)",
        "color:color-mix(in srgb, white 90%, yellow)",
        "color:light-dark(white, black)",
        "color:lightyellow",
        "color:lavenderblush",
        "color:ivory",
        "color:rgb(255 255 255)",
        "color:rgba(0,0,0,.06)",
        "background:rgba(0,0,0,.04);color:#fff",
        "color:white;background:linear-gradient(white,white)",
        "color:#fff;background:linear-gradient(to right, #fff 0%, #fefefe 100%) no-repeat",
        "color:#000;background:linear-gradient(#000,#000)",
        "color:#fff;background:linear-gradient(#fff,#fff) 0 0/9px 9px no-repeat",
        "color:#fff;background-image:url()",
        "color:#fff;background:url('')",
        "color:#fff;background:radial-gradient(circle at 5px 5px, transparent, rgba(0,0,0,0))",
        "color:#fff;background:url(about:blank) #fff",
        "color:#fff;-webkit-background-clip:text;background:url(x.png)",
        "color:transparent;background:white;background-clip:text",
        "-webkit-text-fill-color:transparent;background:linear-gradient(#fff,#fefefe);background-clip:text",
        "color:transparent;background-clip:text",
        "transform:matrix(1,0,0,1,-9999,0)",
        "transform:matrix3d(1,0,0,0,0,1,0,0,0,0,1,0,-9999,0,0,1)",
    )
}
HIDDEN_BY_ELEMENT = {
    "hidden and reverted": ("", "<p hidden style='display:revert'>SECRET</p>"),
    "hidden until found": ("", "<p hidden=until-found style='display:block'>SECRET</p>"),
    "hidden for all that": _sheet(
        "[hidden]{display:none!important}", "<p hidden style='display:block'>SECRET</p>"
    ),
    "all before": _inline("all:initial;display:none"),
    "all that is no value": _inline("opacity:0;all:none"),
    "opacity of opacity": (
        "",
        "<div style='opacity:.2'><p style='opacity:.2'>SECRET</p></div>",
    ),
    "scale of scale": (
        "",
        "<div style='scale:.2'><p style='transform:scale(.2)'>SECRET</p></div>",
    ),
    "fill around": (
        "",
        "<div style='-webkit-text-fill-color:#fff'><p style='color:#000'>SECRET</p></div>",
    ),
    "font without a sign": ("", "<font color=FFFFFF>SECRET</font>"),
    "ground that no browser paints": ("", "<p bgcolor=black style='color:#fff'>SECRET</p>"),
    "dialog": ("", "<dialog>SECRET</dialog>"),
    "popover": ("", "<div popover>SECRET</div>"),
    "a box of a flex box": (
        "",
        "<div style='display:flex'><span style='width:0;overflow:hidden'>SECRET</span></div>",
    ),
    "a floating box": ("", "<b style='float:left;height:0;overflow:hidden'>SECRET</b>"),
    "an empty picture": ("", "<table background=''><td style='color:#fff'>SECRET</table>"),
    "phantom": ("", "<math><mphantom><mtext>SECRET</mtext></mphantom></math>"),
    "rp": ("", "<ruby>a<rp>SECRET</rp></ruby>"),
    "annotation": (
        "",
        "<math><semantics><mi>x</mi><annotation>SECRET</annotation></semantics></math>",
    ),
}
_SEEN_STYLE = "font-size:16px;color:#000;visibility:visible;text-indent:0"
_SEEN_TEXT = f"<div style='{_SEEN_STYLE}'>Text that is seen.</div>"
HIDDEN_BY_BODY = {
    "size of the body": _sheet("body{font-size:0}", f"<p>SECRET</p>{_SEEN_TEXT}"),
    "colour of the body": _sheet("body{color:#fff}", f"<p>SECRET</p>{_SEEN_TEXT}"),
    "colour of the root": _sheet("html{color:#fff}", f"<p>SECRET</p>{_SEEN_TEXT}"),
    "colours of the body": _sheet(
        "body{color:#000;background:#000}",
        "<p>SECRET</p><p style='color:#fff'>Text that is seen.</p>",
    ),
    "visibility of the body": _sheet("body{visibility:hidden}", f"<p>SECRET</p>{_SEEN_TEXT}"),
    "visibility of the root": _sheet("html{visibility:hidden}", f"<p>SECRET</p>{_SEEN_TEXT}"),
    "indent of the body": _sheet("body{text-indent:-9999px}", f"<p>SECRET</p>{_SEEN_TEXT}"),
    "indent around": ("", "<div style='text-indent:-999em'><p class=x>SECRET</p></div>"),
}
BODIES_HIDDEN = {
    "text": ("text=white", "<p>SECRET</p><p style='color:#000'>Before.</p>"),
    "text and ground": (
        "bgcolor=#000 text=#000",
        "<p>SECRET</p><p style='color:#fff'>Before.</p>",
    ),
    "size": ("style='font-size:0'", "<p>SECRET</p><p style='font-size:16px'>Before.</p>"),
    "visibility": (
        "style='visibility:hidden'",
        "<p>SECRET</p><p style='visibility:visible'>Before.</p>",
    ),
    "link": ("link=white", "<a href=x>SECRET</a><p>Before.</p>"),
}
"""Attributes of a body, and what stands in it."""
BODIES_SEEN = {
    "until a script shows it": ("style='opacity:0'", "<p>SEEN</p>"),
    "not visible yet": ("style='visibility:hidden'", "<p>SEEN</p>"),
    "not displayed yet": ("style='display:none'", "<p>SEEN</p>"),
    "the attribute hidden": ("hidden", "<p>SEEN</p>"),
    "old colours": ("bgcolor=black text=white", "<p>SEEN</p>"),
    "does not scroll": ("style='height:0;overflow:hidden'", "<p>SEEN</p>"),
    "white over grounds": (
        "style='color:#fff'",
        "<div style='background:#123'>SEEN</div><a href=x>SEEN</a>",
    ),
}
HIDDEN = HIDDEN_BY_RULES | HIDDEN_BY_STYLE | HIDDEN_BY_ELEMENT

_SEEN = "<p class=x>SEEN</p>"
SEEN = {
    "over a box of its own": _sheet(
        ".x{color:#fff}.x::before{content:'';position:absolute;inset:0;background:#123;z-index:-1}",
        _SEEN,
    ),
    "over a picture of its own": _sheet(
        ".x{color:#fff}.x:after{content:'';position:absolute;inset:0;background:url(x.png)}",
        _SEEN,
    ),
    "layers in another order": _sheet(
        "@layer b,a;@layer a{.x{display:block}}@layer b{.x{display:none}}", _SEEN
    ),
    "layers by their dots": _sheet(
        "@layer a.b,a.c;@layer a.c{.x{opacity:1}}@layer a{@layer b{.x{opacity:0}}}", _SEEN
    ),
    "layers over two sheets": (
        "<style>@layer b,a;</style><style>@layer a{.x{opacity:1}}@layer b{.x{opacity:0}}</style>",
        _SEEN,
    ),
    "no layer": _sheet(".x{display:block}@layer a{.x{display:none}}", _SEEN),
    "important in the layer": _sheet(
        "@layer a{.x{opacity:1!important}}.x{opacity:0!important}", _SEEN
    ),
    "fades in": _sheet(_IN + ".x{opacity:0;animation:in .6s ease forwards}", _SEEN),
    "fades in after a while": _sheet(
        _IN + ".x{opacity:0;-webkit-animation:in 600ms cubic-bezier(.1,.2,.3,1) 2s 1 both}", _SEEN
    ),
    "fades in by longhands": _sheet(
        _IN + ".x{opacity:0;animation-name:in;animation-duration:1s;animation-fill-mode:forwards}",
        _SEEN,
    ),
    "slides in": _sheet(
        "@keyframes s{100%{transform:none}}.x{transform:translateX(-2000px);animation:s 1s forwards}",
        _SEEN,
    ),
    "pulses": _sheet("@keyframes p{50%{opacity:0}}.x{animation:p 1s infinite}", _SEEN),
    "frames from nothing": _sheet("@keyframes f{from{opacity:0}}.x{animation:f 1s}", _SEEN),
    "a marquee": _sheet(
        "@keyframes m{from{left:0}to{left:-9999px}}.x{position:relative;animation:m 9s infinite}",
        _SEEN,
    ),
    "an animation in a file": (
        "<link rel=stylesheet href=x.css><style>.x{opacity:0;animation:in 1s forwards}</style>",
        _SEEN,
    ),
    "dark mode": _sheet("@media (prefers-color-scheme:dark){.x{display:none}}", _SEEN),
    "not on screens": _sheet("@media not screen{.x{display:none}}", _SEEN),
    "narrow range": _sheet("@media (width < 600px){.x{display:none}}", _SEEN),
    "wide walls": _sheet("@media (min-width:4000px){.x{display:none}}", _SEEN),
    "a sheet for paper": ("<style media=print>.x{display:none}</style>", _SEEN),
    "no grid": _sheet("@supports not (display:grid){.x{display:none}}", _SEEN),
    "keyframes": _sheet("@keyframes k{from{display:none}} .x{color:#111}", _SEEN),
    "a rule in a string": _sheet(".q{content:'} .x{display:none}'}", _SEEN),
    "nested elsewhere": _sheet(".a{.x{display:none}}", _SEEN),
    "is another": _sheet(":is(.y,.z){display:none}", _SEEN),
    "a variable that shows": _sheet(":root{--d:block}.x{display:none;display:var(--d)}", _SEEN),
    "a variable of who knows": _sheet(".x{color:var(--nobody)}", _SEEN),
    "a variable in a circle": _sheet(":root{--a:var(--b);--b:var(--a)}.x{color:var(--a)}", _SEEN),
    "a weak where": _sheet(".x{display:block} :where(#a .x){display:none}", _SEEN),
    "an open dialog": ("", "<dialog open>SEEN</dialog>"),
    "a dialog that is shown": _sheet("dialog{display:block}", "<dialog>SEEN</dialog>"),
    "ruby": ("", "<ruby>SEEN<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>"),
    "centred of old": _inline("position:absolute;left:50%;margin-left:-500px", "SEEN"),
    "centred": _inline("position:absolute;left:50%;top:50%;transform:translate(-50%,-50%)", "SEEN"),
    "a menu to the right": _inline("position:absolute;left:100%;top:0", "SEEN"),
    "far down a long page": _inline("position:absolute;top:9000px", "SEEN"),
    "pulled up": _inline("margin:-40px auto 0", "SEEN"),
    "cut corners": _inline("clip-path:polygon(0 0,100% 0,90% 100%,0 100%)", "SEEN"),
    "cut round": _inline("clip-path:circle(50%)", "SEEN"),
    "smaller": _inline("transform:scale(.8);zoom:.9", "SEEN"),
    "mirrored": _inline("transform:scaleX(-1) rotate(90deg)", "SEEN"),
    "faded": ("", "<div style='opacity:.6'><p style='opacity:.6'>SEEN</p></div>"),
    "a veil": _inline("background:rgba(0,0,0,.6);color:#fff", "SEEN"),
    "orange": _inline("color:hsl(30 100% 50%)", "SEEN"),
    "deep": _inline("color:oklch(.45 .1 250)", "SEEN"),
    "a colour that no paragraph takes": ("", "<p color=white>SEEN</p>"),
    "an old dark table": (
        "",
        "<table bgcolor=000000><tr><td><font color=FFFFFF>SEEN</font></table>",
    ),
    "on a gradient": _inline("color:#fff;background:linear-gradient(90deg,#123,#fff)", "SEEN"),
    "on a dark gradient": _inline("color:#fff;background:linear-gradient(#123,#123)", "SEEN"),
    "on a picture": _inline("color:#fff;background:#fff url(x.png)", "SEEN"),
    "on the upper picture": _inline("color:#fff;background:url(x.png),url(),#fff", "SEEN"),
    "underlined by a gradient": _inline(
        "color:#000;background:linear-gradient(#000,#000) 0 100%/0 2px no-repeat", "SEEN"
    ),
    "underlined by sizes": _inline(
        "color:#000;background-image:linear-gradient(#000,#000);background-size:0 2px", "SEEN"
    ),
    "letters of a gradient": _inline(
        "color:transparent;background:linear-gradient(#111,#111);-webkit-background-clip:text",
        "SEEN",
    ),
    "hidden by attribute, shown by a rule": _sheet("[hidden]{display:block}", "<p hidden>SEEN</p>"),
    "all taken back": _sheet(
        ".x{color:#fff;font-size:0;opacity:0;display:none}", "<p class=x style=all:initial>SEEN</p>"
    ),
    "all but what is inherited": _sheet(
        ".x{color:#fff;font-size:0;left:-9999px;position:fixed}",
        "<p class=x style=all:unset>SEEN</p>",
    ),
    "filled by a gradient": _inline(
        "-webkit-text-fill-color:transparent;background:linear-gradient(red,blue);background-clip:text",
        "SEEN",
    ),
    "scrolls": _inline("height:100px;overflow-y:auto", "SEEN"),
    "inner shadow of a font": _inline("font:italic bold 12px/1.5 Arial, sans-serif", "SEEN"),
    "invalid": _inline("opacity:zero;display:nothing;left:-9999;font-size:-1px", "SEEN"),
    "a box of a line": ("", "<span style='width:0;height:0;overflow:hidden'>SEEN</span>"),
    "an indent taken back": (
        "",
        "<div style='text-indent:-9999px'><p style='text-indent:0'>SEEN</p></div>",
    ),
    "a link in white text": ("", "<p style='color:#fff'><a href=x>SEEN</a></p>"),
}

MARKDOWN_HIDDEN = {
    "a stray backtick": "a ` b <b hidden>SECRET</b>",
    "backticks of two lengths": "a ``b` <b hidden>SECRET</b>",
    "a backtick of another paragraph": "a ` b <b hidden>SECRET</b>\n\nc ` d",
    "an escaped backtick": "a \\` b <b hidden>SECRET</b> `c`",
    "a backtick in an attribute": '<i title="`">x</i> <b hidden>SECRET</b> `c`',
    "a sign in an attribute": '<div title="a>b" style="display:none">SECRET</div>',
    "long attributes": f'<div title="{"x" * 1500}" hidden>SECRET</div>',
    "an entity in an attribute": '<div style="display&#58;none">SECRET</div>',
    "the first of two attributes": '<p style="display:none" style="color:red">SECRET</p>',
    "closed in vain": "<div hidden/>SECRET</div>",
    "a class": "<style>.x{display:none}</style>\n\n<p class=x>SECRET</p>",
    "a class by a variable": "<style>:root{--d:none}.x{display:var(--d)}</style>\n\n<p class=x>SECRET</p>",
    "an element by its name": "<style>b{display:none}</style>\n\n<b>SECRET</b>",
    "php": "<?php SECRET ?>",
    "cdata": "<![CDATA[SECRET]]>",
    "indented below a list": "- item\n\n    <div hidden>SECRET</div>\n",
    "a fence in a block of HTML": "<div>\n```\n<p hidden>SECRET</p>\n```\n</div>\n",
    "lines that look like code in pre": "<pre>\n\n    <b hidden>SECRET</b>\n</pre>\n",
    "a fence in a comment": "<!--\n```\n-->\n\n<b hidden>SECRET</b>",
    "escaped in a block of HTML": "<div>\n\\<p hidden>SECRET</p>\n</div>",
    "near white": "<span style='color:oklch(1 0 0)'>SECRET</span>",
    "dialog": "<dialog>SECRET</dialog>",
}
MARKDOWN_HIDDEN |= {
    "opacity of opacity": "<b style='opacity:.2'>x <i style='opacity:.2'>SECRET</i></b>",
    "opacity over paragraphs": (
        "<div style='opacity:.2'>\n\n<div style='opacity:.2'>\n\nSECRET\n\n</div></div>"
    ),
    "faint within many": (
        f"{'<b style=opacity:.99>' * 40}<i style='opacity:.06'>SECRET</i>{'</b>' * 40}"
    ),
    "size of size": "<b style='font-size:.2em'>x <i style='font-size:.2em'>SECRET</i></b>",
    "zoom of zoom": "<b style='zoom:.2'>x <i style='zoom:.2'>SECRET</i></b>",
    "colour around": "<p style='background:#000'>x <b style='color:#000'>SECRET</b></p>",
    "frames that hide": (
        "<style>@keyframes a{to{opacity:0}}b{animation:a 1s both}</style>\n\n<b>SECRET</b>"
    ),
    "phantom": "<mphantom>SECRET</mphantom>",
}
MARKDOWN_LEFT_OUT = {
    "comment behind a backtick": "a ` b <!-- SECRET -->",
    "comment that ends otherwise": "<!-- SECRET --!> x",
    "template": "<template>SECRET</template>",
    "script": "<script>\n\nSECRET('</p>')\n</script>",
    "style": "<style>\n.x{content:'SECRET'}\n</style>",
    "iframe": "<iframe src=x>SECRET</iframe>",
    "noscript": "<noscript>SECRET</noscript>",
}
MARKDOWN_SEEN = {
    "faint one after the other": "<b style='opacity:.2'>x</b> <i style='opacity:.2'>SEEN</i>",
    "faint and never closed": "<p style='opacity:.2'>x\n\n<p style='opacity:.2'>SEEN</p>",
    "small and empty": "<b style='font-size:.2em'/> <i style='font-size:.2em'>SEEN</i>",
    "white on black": "<p style='background:#000;color:#ddd'>x <b style='color:#fff'>SEEN</b></p>",
    "large in small": "<b style='font-size:.2em'>x <i style='font-size:5em'>SEEN</i></b>",
    "code": "a `<b hidden>SEEN</b>` b",
    "code over lines": "a `<b\nhidden>SEEN</b>` b",
    "code of two backticks": "a ``x ` <b hidden>SEEN</b>`` b",
    "indented code": "Write:\n\n    <div hidden>SEEN</div>\n\nand go on.",
    "indented code with a tab": "# Title\n\n\t<div hidden>SEEN</div>\n",
    "a fence": "```\n<div hidden>SEEN</div>\n```\n",
    "a fence without end": "```\n<div hidden>SEEN</div>\n",
    "escaped": "\\<b hidden>SEEN\\</b>",
    "a comment that never ends, in a sentence": "An HTML comment begins with <!-- and SEEN\n\nSEEN",
    "a comment of nothing": "<!--> SEEN <!-- x -->",
    "a tag that never ends": "<div hidden SEEN\n\nSEEN",
    "a component": "<Card hidden={false ? 1 : 0 > 1}/>SEEN",
    "a generic": "A `List<T>` and Map<String, Hidden> SEEN",
    "no class": "<style>.y{display:none}</style>\n\n<p class=x>SEEN</p>",
    "details": "<details><summary>x</summary>\n\nSEEN\n\n</details>",
}
