/** How the pages are looked at: window sizes in pixels, and both themes. */
export const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
]
export const SCHEMES = ['light', 'dark'] as const
