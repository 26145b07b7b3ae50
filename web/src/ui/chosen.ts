/** Attached to a `<select>`: its value, once its options are there. */
export const chosen = (value: string) => (select: HTMLSelectElement) => {
  select.value = value;
};
