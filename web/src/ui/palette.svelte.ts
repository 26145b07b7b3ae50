/** Whether the palette is open. */
class PaletteSheet {
  open = $state(false);
}

export const palette = new PaletteSheet();
