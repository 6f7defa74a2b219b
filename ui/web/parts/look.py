"""The few rules of style that Streamlit's theme cannot say; colours by mode stand in variables."""

import json
from typing import Final

import streamlit as st

from ui.web.wording import say

_COLOURS: Final = """
:root {
  --soft: light-dark(#545B68, #B4BBC7); --rim: light-dark(#858E9E, #667085);
  --line: light-dark(#DFE3EA, #2B313D); --link: light-dark(#3346A8, #9FB0FF);
  --accent: light-dark(#3B4FB8, #8094F5); --done: light-dark(#1F8A5B, #46B884);
  --card: light-dark(#FFFFFF, #0F1218); --pane: light-dark(#F5F6FA, #181C25);
  --onaccent: light-dark(#FFFFFF, #0F1218); --bad: light-dark(#C6373C, #EE6A6E);
  --good-bg: light-dark(#E5F4EC, #14301F); --good-ink: light-dark(#136A43, #7FDBAE);
  --bad-bg: light-dark(#FCEBEB, #3A1B1D); --bad-ink: light-dark(#A8262B, #FF9FA2);
  --warn-bg: light-dark(#FDF0E3, #38240F); --warn-ink: light-dark(#97480A, #FFBD87);
  --off-bg: light-dark(#EEF0F4, #232833); --off-ink: light-dark(#454B57, #C3C9D4);
}
"""
"""Both modes at once: the browser takes that of the place, also when it changes between reruns."""
_FRAME: Final = """
.stApp [data-testid="stMainBlockContainer"] { max-width: 1480px; }
.stApp [data-testid="stCaptionContainer"] { opacity: 1; }
.stApp [data-testid="stCaptionContainer"] p { color: var(--soft); }
[data-testid="stTextInputRootElement"], [data-testid="stTextAreaRootElement"],
[data-testid="stNumberInputContainer"],
.stApp .react-aria-ComboBox > [role="group"] { border-color: var(--rim); }
.stApp [data-testid="stBaseButton-primary"]:not(:disabled),
.stApp [data-testid="stBaseButton-primary"]:not(:disabled) p { color: var(--onaccent); }
.stApp [data-testid="stPageLink"] a { padding-left: 0; }
.stApp [data-testid="stPageLink"] a p { color: var(--link); }
.stApp [data-testid="stHeading"] h1 { padding-bottom: .35rem; }
.stApp [data-testid="stHeading"] h2 { padding-top: .2rem; }
.stApp [data-testid="stHtml"] :is(dl, ol, ul, table) { margin: 0; }
html:lang(zh) .stApp { line-height: 1.6; }
.stApp[data-test-connection-state="PINGING_SERVER"] [data-testid="stMain"] { visibility: hidden; }
"""
_PIECES: Final = """
dl.facts { display: grid; grid-template-columns: minmax(8.5rem, max-content) 1fr;
  gap: .4rem 1.1rem; padding: 0; font-size: .9rem; line-height: 1.5; }
dl.facts dt, dl.facts dd { margin: 0 !important; padding: 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
dl.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1rem;
  padding: 0; }
dl.cards > div { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
dl.cards dt { font-size: .86rem; margin: 0; }
dl.cards dd { margin: 0 !important; font-size: 1.55rem; font-weight: 600; line-height: 1.35;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dl.cards dd.note { font-size: .86rem; font-weight: 400; color: var(--soft); min-height: 1.2em; }
dl.facts code, table.rows code { font-size: .86rem; padding: 0; background: none;
  color: inherit; }
div.wide { overflow-x: auto; }
dl.facts progress { display: block; width: 100%; height: .5rem; accent-color: var(--accent); }
table.rows { border-collapse: collapse; width: 100%; font-size: .9rem; }
table.rows :is(th, td) { padding: .45rem .7rem; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top; }
table.rows th { font-weight: 500; color: var(--soft); white-space: nowrap; }
table.rows .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
span.mark { border-radius: 4px; padding: .1rem .45rem; white-space: nowrap; font-size: .86rem; }
span.mark.good { background: var(--good-bg); color: var(--good-ink); }
span.mark.bad { background: var(--bad-bg); color: var(--bad-ink); }
span.mark.warn { background: var(--warn-bg); color: var(--warn-ink); }
span.mark.off { background: var(--off-bg); color: var(--off-ink); }
span.mark.due { color: var(--link);
  background: color-mix(in srgb, var(--accent) 12%, transparent); }
ul.usage { list-style: none; padding: 0; margin: 0; font-size: .9rem; }
ul.usage li { display: grid; grid-template-columns: 1.2fr 1fr 1.2fr; gap: .2rem 1rem; margin: 0;
  align-items: center; padding: .4rem 0; border-bottom: 1px solid var(--line); }
ul.usage li > span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
ul.usage .bar { height: 6px; border-radius: 3px; background: var(--line); }
ul.usage i { display: block; height: 100%; border-radius: 3px; background: var(--accent); }
ul.usage li.bad i { background: var(--bad); }
ul.usage strong { color: var(--bad-ink); }
small.note { font-size: .86rem; color: var(--soft); }
div.banner { border-radius: 8px; padding: .8rem 1rem; }
div.banner p { margin: 0; }
div.banner small { font-size: .86rem; }
div.banner.good { background: var(--good-bg); color: var(--good-ink); }
div.banner.bad { background: var(--bad-bg); color: var(--bad-ink); }
div.banner.warn { background: var(--warn-bg); color: var(--warn-ink); }
div.banner.off { background: var(--off-bg); color: var(--off-ink); }
ol.chain { list-style: none; display: flex; gap: 1.6rem; padding: 0 0 .3rem; }
ol.chain li { flex: 1 0 11.5rem; margin: 0; padding: .7rem .8rem; border-radius: 8px;
  background: var(--pane); border: 1px solid var(--line); font-size: .86rem; line-height: 1.5;
  position: relative; overflow-wrap: anywhere; }
ol.chain li.differs { border: 2px solid var(--bad); }
ol.chain :is(span, code, small) { display: block; color: var(--soft); }
ol.chain code { background: none; padding: 0; font-size: .8rem; }
ol.chain small { font-size: .8rem; }
ol.chain li + li::before { content: ""; position: absolute; right: 100%; top: 50%; width: 1.6rem;
  border-top: 2px dashed var(--rim); }
ol.chain li.good + li.good::before, ol.chain li.good::before { border-top: 2px solid var(--done); }
ol.chain li.bad::before { border-top: 2px dashed var(--bad); }
ol.steps { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem 1.6rem; padding: 0; }
ol.steps li { margin: 0; padding-left: 1.5rem; position: relative; font-size: .9rem; }
ol.steps li::before { content: ""; position: absolute; left: 0; top: .3rem; width: .72rem;
  height: .72rem; border-radius: 50%; border: 2px solid var(--rim); box-sizing: border-box; }
ol.steps li.done::before { background: var(--done); border-color: var(--done); }
ol.steps li.due { font-weight: 600; }
ol.steps li.due::before { border-color: var(--accent); background: var(--accent);
  box-shadow: 0 0 0 3px color-mix(in srgb, var(--accent) 25%, transparent); }
ol.steps small { display: block; color: var(--soft); font-size: .86rem; font-weight: 400; }
"""
_PLACES: Final = """
[class*="st-key-record-"] { padding: .45rem .9rem; }
.stApp .st-key-marks a { background: none; padding: 0; }
.st-key-marks a, .st-key-marks a * { white-space: normal; overflow: visible; }
.stApp .st-key-marks a p { font-weight: 400; line-height: 1.9; }
.st-key-flags table.rows td:first-child { min-width: 10.5rem; }
.st-key-rights table.rows td { min-width: 8.5rem; }
.st-key-rights table.rows td:nth-child(4) { min-width: 17rem; }
.stApp .st-key-changes .token.token { color: var(--soft); }
.stApp .st-key-changes .token.inserted { color: var(--good-ink); }
.stApp .st-key-changes .token.deleted { color: var(--bad-ink); }
.st-key-tour-steps ol.steps { flex-direction: column; }
.st-key-decision dl.facts { grid-template-columns: 5.6rem 1fr; gap: .25rem .8rem;
  font-size: .86rem; }
.st-key-decision [data-testid="InputInstructions"] { display: none; }
a.decide { display: none; }
@media (min-width: 900px) { [data-testid="stColumn"]:has(> * .st-key-decision) {
  position: sticky; top: 4rem; align-self: flex-start; } }
@media (max-width: 640px) { dl.facts { grid-template-columns: 1fr; gap: .05rem; }
  dl.facts dd { margin-bottom: .5rem !important; }
  a.decide { display: block; position: fixed; right: 1rem; bottom: 1rem; z-index: 5;
    background: var(--accent); color: var(--onaccent) !important; padding: .6rem 1.1rem;
    border-radius: 8px; text-decoration: none; font-weight: 600; } }
"""


_MARK: Final = """
<svg xmlns="http://www.w3.org/2000/svg" width="168" height="28" viewBox="0 0 168 28">
  <rect x="1" y="3" width="22" height="22" rx="6" fill="{accent}"/>
  <path d="M7 14.5l3.6 3.6L17.4 11" fill="none" stroke="{ground}" stroke-width="2.6"
    stroke-linecap="round" stroke-linejoin="round"/>
  <text x="32" y="19.5" font-family="Inter, system-ui, sans-serif" font-size="16"
    font-weight="650" fill="{ink}">Counterseal</text>
</svg>
"""


def dress() -> None:
    """Put the rules on the page, and the product's mark above it in the colours of its mode."""
    dark = st.context.theme.type == "dark"
    inks = ("#8094F5", "#0F1218", "#E6E9EF") if dark else ("#3B4FB8", "#FFFFFF", "#16181D")
    st.logo(_MARK.format(accent=inks[0], ground=inks[1], ink=inks[2]))
    gone = json.dumps(say("common.server_down"), ensure_ascii=False)
    told = (
        '.stApp[data-test-connection-state="PINGING_SERVER"]::after { position: fixed;'
        f" inset: 40% 0 auto; text-align: center; content: {gone}; }}"
    )
    beyond = f":root {{ color-scheme: {'dark' if dark else 'light'}; }}"
    st.html(f"<style>{beyond}{_COLOURS}{_FRAME}{_PIECES}{_PLACES}{told}</style>")
