/** Whether the sheet of shortcuts is open. */
class HelpSheet {
  open = $state(false);
  show() {
    this.open = true;
  }
}

export const help = new HelpSheet();
