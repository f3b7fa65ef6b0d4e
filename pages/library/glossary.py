"""Glossary: the words of the field, each in a few sentences, with its equation where there is one."""

import streamlit as st

from pages.ui import forms, frame, glossary

frame.header("Glossary", "What do Φ, β, ESS and the other words of these pages mean?")
wanted = forms.remembered.text_input("Search", key="glossary_search", placeholder="a word, e.g. butterfly").strip()
found = [term for term in glossary.terms() if wanted.lower() in f"{' '.join(term.names)} {term.text}".lower()]
if not found:
    frame.note(f"No entry speaks of {wanted[:60]}.")
for term in found:
    st.header(term.names[0], anchor=term.anchor)
    others = f"*also {', '.join(term.names[1:])}*  \n" if term.names[1:] else ""
    st.markdown(others + term.text)
