/** The page's own scheme: standard and secure, so that it has an origin, storage and a content policy like any site. */
export const APP_SCHEME = 'app'
export const APP_ORIGIN = 'app://studio'

/**
 * Whether an address is of our page. Read by hand: to Node's URL the origin of a scheme of one's own is "null".
 */
export function isOurPage(address: string): boolean {
  const url = URL.parse(address)
  return url !== null && url.protocol === `${APP_SCHEME}:` && url.host === 'studio'
}
