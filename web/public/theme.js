try {
  const theme = localStorage.getItem('throughline.theme');
  if (/^(light|dark)$/.test(theme)) document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden.
}
