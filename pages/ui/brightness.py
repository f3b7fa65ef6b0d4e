"""The switch between light and dark: Streamlit's own choice of theme, which it keeps in the browser, for all pages."""

import streamlit as st

from pages.ui import frame

SWITCH = """
// Streamlit keeps a visitor's theme for each path of its own and reads it when a page is loaded
const key = path => `stActiveTheme-${path}-v2`;
export default function ({ parentElement, data }) {
  const button = parentElement.querySelector("button");
  button.textContent = data.dark ? "☀ Light" : "☾ Dark";
  button.onclick = () => {
    const links = [...document.querySelectorAll('[data-testid="stSidebarNavLink"]')];
    const paths = [window.location.pathname, "/", ...links.map(link => new URL(link.href).pathname)];
    for (const path of paths) localStorage.setItem(key(path), JSON.stringify(data.dark ? "Light" : "Dark"));
    window.location.reload();
  };
}
"""

STYLE = """
button { font: inherit; color: inherit; background: none; border: 1px solid currentColor; border-radius: 0.5rem;
  padding: 0.25rem 0.75rem; cursor: pointer; }
"""

_switch = st.components.v2.component(
    "scenarist_brightness", html='<button type="button" aria-label="Light or dark"></button>', css=STYLE, js=SWITCH
)


def switch() -> None:
    """Draw the switch at the end of the sidebar."""
    with st.sidebar:
        _switch(key="brightness", data={"dark": frame.is_dark()})
