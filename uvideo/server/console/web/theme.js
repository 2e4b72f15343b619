// Before anything is painted: the theme that was chosen, if one was.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("uvideo.theme");
  } catch {
    // storage is switched off: the system's theme it is
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
