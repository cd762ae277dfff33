"""The one style sheet of the pages that the daemon renders itself: no asset, light and dark, any width."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6575;--line:#d9dee7;--paper:#fbfcfe;--card:#fff;
--accent:#0b5fb0;--get:#1b6e3c;--change:#8a4b00}
@media (prefers-color-scheme:dark){:root{--ink:#e7ebf2;--soft:#a3adbd;--line:#333c4b;--paper:#12161d;
--card:#1a2029;--accent:#7db8f5;--get:#7fd3a0;--change:#f0b46c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{max-width:52rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0}
h2{font-size:1.25rem;margin:2.4rem 0 .6rem}
h3{font-size:1rem;margin:0}
.card h2{margin-top:0}
p{margin:.5rem 0}
a{color:var(--accent)}
.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1rem;margin:.8rem 0}
.state{display:inline-block;border:1px solid var(--line);border-radius:1rem;padding:.1rem .7rem;
font-size:.9rem;background:var(--card)}
code{font:.88rem/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
.method{font-weight:700;color:var(--change)}.method.get{color:var(--get)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem;margin:.6rem 0 0}
th{text-align:left;color:var(--soft);font-weight:600}
td,th{padding:.3rem .8rem .3rem 0;border-top:1px solid var(--line);vertical-align:top}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;margin:1rem 0}
nav a{padding:.35rem 0}
td:first-child code{overflow-wrap:normal}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem;margin:.4rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
""".strip()

STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""How the content security policy names the sheet, so that no other inline style is accepted."""


def page(title: str, content: str) -> str:
    """A whole HTML page. `title` and `content` are HTML already: their author has escaped them."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body><main>\n{content}\n</main></body></html>\n"
    )
