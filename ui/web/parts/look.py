"""The few rules of style that Streamlit's theme cannot say."""

import streamlit as st

_CSS = """
<style>
.stApp [data-testid="stMainBlockContainer"] { max-width: 1480px; }
.stApp [data-testid="stCaptionContainer"] { opacity: 1; }
.stApp [data-testid="stCaptionContainer"] p { color: #545B68; }
[data-testid="stTextInputRootElement"], [data-testid="stTextAreaRootElement"] {
  border-color: #858E9E; }
dl.facts { display: grid; grid-template-columns: minmax(8.5rem, max-content) 1fr;
  gap: .4rem 1.1rem; margin: 0 !important; padding: 0; font-size: .9rem; line-height: 1.5; }
dl.facts dt, dl.facts dd { margin: 0 !important; padding: 0; }
dl.facts dt { color: #545B68; }
dl.facts dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
dl.facts code { font-size: .86rem; padding: 0; background: none; color: inherit; }
ol.steps { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem 1.6rem; padding: 0;
  margin: 0 !important; }
ol.steps li { margin: 0; padding-left: 1.5rem; position: relative; font-size: .9rem; }
ol.steps li::before { content: ""; position: absolute; left: 0; top: .3rem; width: .72rem;
  height: .72rem; border-radius: 50%; border: 2px solid #858E9E; box-sizing: border-box; }
ol.steps li.done::before { background: #1F8A5B; border-color: #1F8A5B; }
ol.steps li.due::before { border-color: #3B4FB8; box-shadow: 0 0 0 3px #3B4FB833; }
ol.steps small { display: block; color: #545B68; font-size: .86rem; }
.stApp[data-test-connection-state="PINGING_SERVER"] [data-testid="stMain"] { visibility: hidden; }
.stApp[data-test-connection-state="PINGING_SERVER"]::after { position: fixed; inset: 40% 0 auto;
  text-align: center; content: "Counterseal does not answer. Nothing shown before counts."; }
[data-testid="stPageLink"] a { padding-left: 0; }
[data-testid="stHeading"] h2 { padding-top: .2rem; }
.stApp [data-testid="stPageLink"] a p { color: #3346A8; }
.st-key-decision dl.facts { grid-template-columns: 6.5rem 1fr; }
@media (min-width: 900px) { .st-key-decision { position: sticky; top: 4rem; } }
@media (max-width: 640px) { dl.facts { grid-template-columns: 1fr; gap: .05rem; }
  dl.facts dd { margin-bottom: .5rem !important; } }
</style>
"""
_DARK = """
<style>
.stApp [data-testid="stCaptionContainer"] p, dl.facts dt, ol.steps small { color: #B4BBC7; }
.stApp [data-testid="stPageLink"] a p { color: #9FB0FF; }
.stApp [data-testid="stBaseButton-primary"]:not(:disabled) { color: #0F1218; }
.stApp [data-testid="stBaseButton-primary"]:not(:disabled) p { color: #0F1218; }
ol.steps li.done::before { background: #46B884; border-color: #46B884; }
ol.steps li.due::before { border-color: #8094F5; box-shadow: 0 0 0 3px #8094F533; }
[data-testid="stTextInputRootElement"], [data-testid="stTextAreaRootElement"] {
  border-color: #667085; }
</style>
"""


def dress() -> None:
    """Put the rules on the page, those of the mode included."""
    st.html(_CSS)
    if st.context.theme.type == "dark":
        st.html(_DARK)
