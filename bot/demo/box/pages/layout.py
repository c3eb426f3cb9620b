"""The frame of every page: one small stylesheet, no script, everything escaped."""

from __future__ import annotations

from html import escape

STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--link:#0969da;
--ok:#1a7f37;--bad:#cf222e;--wait:#9a6700;--done:#8250df}
@media(prefers-color-scheme:dark){:root{--link:#58a6ff;--ok:#3fb950;--bad:#f85149;--wait:#d29922;--done:#a371f7}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
nav{padding-bottom:.6rem;border-bottom:1px solid var(--line);margin-bottom:1rem;font-weight:600}
h1{font-size:1.5rem;margin:.4rem 0}h2{font-size:1.15rem;margin:1.4rem 0 .5rem}
.box{border:1px solid var(--line);border-radius:8px;margin:.8rem 0;overflow:hidden}
.box>header{background:var(--soft);padding:.45rem .9rem;border-bottom:1px solid var(--line);font-size:.9em}
.box>.in{padding:.5rem .9rem;overflow-x:auto}.row{padding:.45rem .9rem;border-top:1px solid var(--line)}
.row:first-child{border-top:0}
.tag{display:inline-block;border-radius:1em;padding:0 .7em;font-size:.85em;border:1px solid currentColor}
.ok{color:var(--ok)}.bad{color:var(--bad)}.wait{color:var(--wait)}.done{color:var(--done)}.dim{opacity:.7}
code,pre{font:.88em ui-monospace,monospace;background:var(--soft);border-radius:5px}code{padding:.1em .35em}
pre{padding:.7rem;overflow-x:auto;line-height:1.4}pre code{padding:0;background:none}
table{border-collapse:collapse;margin:.6rem 0}td,th{border:1px solid var(--line);padding:.25rem .7rem;text-align:left}
blockquote{border-left:4px solid var(--line);margin:.5rem 0;padding-left:.9rem;opacity:.8}
.add{color:var(--ok)}.del{color:var(--bad)}summary{cursor:pointer}
"""
COLORS = {
    "success": "ok",
    "open": "ok",
    "approved": "ok",
    "failure": "bad",
    "error": "bad",
    "timed_out": "bad",
    "closed": "bad",
    "changes_requested": "bad",
    "merged": "done",
}


def page(title: str, trail: list[tuple[str, str]], body: str) -> str:
    """A whole page; ``trail`` is the way back, as (text, address)."""
    way = " / ".join(link(text, address) for text, address in trail)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><nav>{way}</nav>{body}</body></html>"
    )


def link(text: str, address: str) -> str:
    """A link; both parts are escaped."""
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def tag(word: str) -> str:
    """A coloured word: a state or a conclusion."""
    return f'<span class="tag {COLORS.get(word.lower(), "wait")}">{escape(word.lower().replace("_", " "))}</span>'


def box(header: str, inner: str) -> str:
    """A framed part; both are HTML already."""
    return f'<section class="box"><header>{header}</header><div class="in">{inner}</div></section>'


def rows(items: list[str], empty: str) -> str:
    """A framed list; the items are HTML already."""
    listed = "".join(f'<div class="row">{item}</div>' for item in items)
    return f'<section class="box">{listed or f"""<div class="row dim">{escape(empty)}</div>"""}</section>'


def diff(patch: str) -> str:
    """A patch with its lines coloured."""
    kinds = {"+": "add", "-": "del", "@": "dim"}
    lines = [f'<span class="{kinds.get(line[:1], "")}">{escape(line)}</span>' for line in patch.split("\n")]
    return f"<pre>{chr(10).join(lines)}</pre>"
