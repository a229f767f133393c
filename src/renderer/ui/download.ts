/** Hands a file to the person, as a browser does: where it goes is theirs to say. */
export function download(name: string, content: Blob): void {
  const address = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = address
  link.download = fileName(name)
  link.click()
  // The browser has read the address by then; until it is let go, the content stays in memory.
  setTimeout(() => URL.revokeObjectURL(address), 1000)
}

/** Without what some file systems do not take. */
export function fileName(name: string): string {
  return name.replaceAll(/[^\w.+-]+/g, '-').replaceAll(/^[-.]+|-+$/g, '') || 'squeeze'
}
