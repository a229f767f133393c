/** Numbers as the host sends many of them: little-endian, in base64. */

/** fp32. */
export function floatsOf(text: string): Float32Array {
  return new Float32Array(bytesOf(text).buffer)
}

/** bfloat16, the upper half of an fp32. */
export function bfloatsOf(text: string): Float32Array {
  const halves = new Uint16Array(bytesOf(text).buffer)
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer)
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
}
