// What Streamlit's markup leaves to do: roles that hold, a menu that closes on a phone, tables that say they scroll.
const PHONE = 768;

const mend = () => {
  // a list may hold items only: here sections hold them
  for (const list of document.querySelectorAll('[data-testid="stSidebarNavItems"]')) {
    list.setAttribute("role", "presentation");
    for (const section of list.children) section.setAttribute("role", "list");
    for (const heading of list.querySelectorAll("header")) heading.setAttribute("role", "presentation");
    for (const item of list.querySelectorAll("li")) item.setAttribute("role", "listitem");
  }
  for (const field of document.querySelectorAll('[data-testid="stDateInputField"], [data-testid="stDateInput"] [role="group"]'))
    field.removeAttribute("aria-required");
  for (const table of document.querySelectorAll('[data-testid="stDataFrame"], [data-testid="stTable"]')) {
    const inside = table.querySelector(".dvn-scroller") ?? table;
    table.toggleAttribute("data-scrolls", inside.scrollWidth > inside.clientWidth + 4);
  }
  for (const box of document.querySelectorAll('[data-testid="stTable"] > div, .katex-display'))
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0; // scrolled by the keyboard too
};

const closeMenu = (event) => {
  if (window.innerWidth >= PHONE || !event.target.closest('[data-testid="stSidebarNavLink"]')) return;
  document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
};

let waiting = null;
export default function () {
  if (window.scenaristLook) return;
  window.scenaristLook = true;
  const soon = () => { waiting ??= setTimeout(() => { waiting = null; mend(); }, 100); };
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  window.addEventListener("resize", soon);
  document.addEventListener("click", closeMenu);
  mend();
}
