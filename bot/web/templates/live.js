// A page is looked at anew every five seconds, but never under the eyes or hands of whoever reads it.
setInterval(() => {
  const inUse = document.activeElement !== document.body || !getSelection().isCollapsed;
  if (!inUse && !document.hidden && !document.querySelector("details[open]")) location.reload();
}, 5000);
