/** Keys as @mantine/hooks writes them, "mod+K"; mod is Ctrl, or Command on a Mac. */
export type Keys = string

/** "mod+K" → ["Ctrl", "K"] */
export function keyCaps(keys: Keys, mac: boolean): string[] {
  const names: Record<string, string> = mac
    ? { mod: '⌘', alt: '⌥', shift: '⇧' }
    : { mod: 'Ctrl', alt: 'Alt', shift: 'Shift' }
  // Who presses "?" knows what that takes on their keyboard.
  if (keys.endsWith('+?')) return ['?']
  return keys.split('+').map((key) => names[key] ?? key)
}

/** Without a modifier a key is text where text is written. */
export function isPlain(keys: Keys): boolean {
  return !/mod|alt/.test(keys)
}
