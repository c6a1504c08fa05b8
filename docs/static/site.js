// A page opened from the disk may not read another one: there, search shows titles alone.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What is wider than its place can be scrolled with the keyboard, too.
function openToTheKeyboard() {
  for (const box of document.querySelectorAll("article pre, .table-wrapper, .text_html"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
addEventListener("load", openToTheKeyboard);
addEventListener("resize", openToTheKeyboard);
