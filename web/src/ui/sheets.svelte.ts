/** Which of the two sheets over the page are open: the shortcuts, the palette. */
export const sheets = $state({ help: false, palette: false });
